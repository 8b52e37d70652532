"""What to write for a time zone that does not exist: an offset, an abbreviation, a city, a name that is mistyped.

Role: messages for people. An offset is not mistaken for the zone that looks like it: `Etc/GMT+2` is behind UTC, by the
sign of POSIX, while who writes `GMT+2` means two hours ahead.
"""

import re
from collections.abc import Set
from difflib import get_close_matches

ANY_NAME = "write an IANA name, e.g. Europe/Berlin, or UTC"
_OFFSET = re.compile(r"(?:(?:etc/)?utc?|gmt)?_*([+-])_*(\d{1,2})(?::?([0-5]\d))?h?", re.ASCII)
_ETC = re.compile(r"etc/gmt([+-])0*(\d+)", re.ASCII)
# Of POSIX, like EST5EDT,M3.2.0,M11.1.0.
_RULE = re.compile(r"(([a-z]{3,5})[+-]?\d[^,]*)(?:,.*)?", re.ASCII)
# Hours, and minutes where there are any: a city whose standard time is so far from UTC.
CITIES = {
    (-11, 0): "Pacific/Pago_Pago",
    (-10, 0): "Pacific/Honolulu",
    (-9, -30): "Pacific/Marquesas",
    (-9, 0): "America/Anchorage",
    (-8, 0): "America/Los_Angeles",
    (-7, 0): "America/Denver",
    (-6, 0): "America/Chicago",
    (-5, 0): "America/New_York",
    (-4, 0): "America/Halifax",
    (-3, -30): "America/St_Johns",
    (-3, 0): "America/Sao_Paulo",
    (-2, 0): "America/Noronha",
    (-1, 0): "Atlantic/Azores",
    (1, 0): "Europe/Berlin",
    (2, 0): "Europe/Helsinki",
    (3, 0): "Europe/Istanbul",
    (3, 30): "Asia/Tehran",
    (4, 0): "Asia/Dubai",
    (4, 30): "Asia/Kabul",
    (5, 0): "Asia/Karachi",
    (5, 30): "Asia/Kolkata",
    (5, 45): "Asia/Kathmandu",
    (6, 0): "Asia/Dhaka",
    (6, 30): "Asia/Yangon",
    (7, 0): "Asia/Bangkok",
    (8, 0): "Asia/Singapore",
    (8, 45): "Australia/Eucla",
    (9, 0): "Asia/Tokyo",
    (9, 30): "Australia/Adelaide",
    (10, 0): "Australia/Sydney",
    (10, 30): "Australia/Lord_Howe",
    (11, 0): "Pacific/Noumea",
    (12, 0): "Pacific/Auckland",
    (12, 45): "Pacific/Chatham",
    (13, 0): "Pacific/Tongatapu",
    (14, 0): "Pacific/Kiritimati",
}
# Names that people write for the time of a city or country; several where they are used for several.
ABBREVIATIONS = {
    "bst": ("Europe/London",),
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "idt": ("Asia/Jerusalem",),
    "west": ("Europe/Lisbon",),
    **dict.fromkeys(("cest", "mez", "mesz"), ("Europe/Berlin", "Europe/Paris")),
    "eest": ("Europe/Helsinki", "Europe/Athens"),
    **dict.fromkeys(("msk", "msd"), ("Europe/Moscow",)),
    "trt": ("Europe/Istanbul",),
    "sast": ("Africa/Johannesburg",),
    "eat": ("Africa/Nairobi",),
    "wat": ("Africa/Lagos",),
    "gst": ("Asia/Dubai",),
    "pkt": ("Asia/Karachi",),
    "ict": ("Asia/Bangkok",),
    "wib": ("Asia/Jakarta",),
    "sgt": ("Asia/Singapore",),
    "hkt": ("Asia/Hong_Kong",),
    "pht": ("Asia/Manila",),
    "kst": ("Asia/Seoul",),
    "jst": ("Asia/Tokyo",),
    "awst": ("Australia/Perth",),
    **dict.fromkeys(("acst", "acdt"), ("Australia/Adelaide",)),
    **dict.fromkeys(("aest", "aedt"), ("Australia/Sydney", "Australia/Brisbane")),
    **dict.fromkeys(("nzst", "nzdt"), ("Pacific/Auckland",)),
    **dict.fromkeys(("edt", "et"), ("America/New_York",)),
    "cst": ("America/Chicago", "Asia/Shanghai"),
    **dict.fromkeys(("cdt", "ct"), ("America/Chicago",)),
    **dict.fromkeys(("mdt", "mt"), ("America/Denver",)),
    **dict.fromkeys(("pst", "pdt", "pt"), ("America/Los_Angeles",)),
    **dict.fromkeys(("akst", "akdt"), ("America/Anchorage",)),
    **dict.fromkeys(("ast", "adt"), ("America/Halifax",)),
    **dict.fromkeys(("nst", "ndt"), ("America/St_Johns",)),
    "brt": ("America/Sao_Paulo",),
    "art": ("America/Argentina/Buenos_Aires",),
    **dict.fromkeys(("clt", "clst"), ("America/Santiago",)),
}


def advise(name: str, names: Set[str]) -> str:
    """What to write for a name, not blank, that is none of `names`: the exact ones of the zones."""
    wanted = name.lower().replace(" ", "_").replace("\N{MINUS SIGN}", "-")
    exact = {known.lower(): known for known in names}
    if wanted in exact:
        return f"write {exact[wanted]}"
    if wanted == "z":
        return "write UTC"
    return _of_offset(wanted, names) or _of_abbreviation(wanted, exact) or _alike(wanted, exact) or ANY_NAME


def _of_offset(wanted: str, names: Set[str]) -> str:
    """For an offset, like gmt+2: the zone that has just that, and a city that has it as its standard time."""
    etc, match = _ETC.fullmatch(wanted), _OFFSET.fullmatch(wanted)
    if etc and f"Etc/GMT{etc[1]}{etc[2]}" in names:
        return f"write Etc/GMT{etc[1]}{etc[2]}, which is {etc[2]}h {'behind' if etc[1] == '+' else 'ahead of'} UTC"
    if match is None:
        return ""
    sign = -1 if match[1] == "-" else 1
    hours, minutes = sign * int(match[2]), sign * int(match[3] or 0)
    if (hours, minutes) == (0, 0):
        return "write UTC"
    city = CITIES.get((hours, minutes))
    fixed = f"Etc/GMT{-hours:+}"
    if minutes or fixed not in names:
        return f"write a city with that offset, e.g. {city}" if city else f"no zone has that offset; {ANY_NAME}"
    way = f"{abs(hours)}h {'ahead of' if hours > 0 else 'behind'} UTC (the sign in these names is reversed)"
    return f"write {fixed}, which is always {way}" + (f", or a city, e.g. {city}" if city else "")


def _of_abbreviation(wanted: str, exact: dict[str, str]) -> str:
    """For pst: the cities that have that time. For a rule of POSIX, like cet-1cest, what its first part means."""
    rule = _RULE.fullmatch(wanted)
    for each in (wanted, *((rule[1], rule[2]) if rule else ())):
        if each in ABBREVIATIONS:
            return f"write a city: {' or '.join(ABBREVIATIONS[each])}"
        if each in exact:
            return f"write {exact[each]}"
    return ""


def _alike(wanted: str, exact: dict[str, str]) -> str:
    cities = {known.rpartition("/")[2]: exact[known] for known in sorted(exact)}
    if wanted in cities:
        return f"did you mean {cities[wanted]}?"
    near = [exact[close] for close in get_close_matches(wanted, sorted(exact), n=3, cutoff=0.75)]
    if not near:
        city = wanted.rpartition("/")[2]
        near = [cities[close] for close in get_close_matches(city, sorted(cities), n=3, cutoff=0.75)]
    return f"did you mean {' or '.join(near)}?" if near else ""
