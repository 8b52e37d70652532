"""Templates of URLs: good ones, and bad ones by what the API server says of them."""

NO_HOST = (
    "urlTemplate does not begin with a scheme and a host as they are, without braces; write it like "
    "https://example.com/orders/{id}"
)
_NOT_SERVED = (
    "urlTemplate is not a template that is served; write {id} in the path, {?id,rest*} at its end, {&rest*} after a ?, "
    "and %20 for a space"
)
_DOTS = "urlTemplate has . or .. as a part of its path; write the path that is meant"
BAD_TEMPLATES: dict[str, tuple[str, ...]] = {
    NO_HOST: (
        *("{x}", "{x}/a", "{x}://example.com/a", "https://{x}/a", "https://{x}.example.com/a", "https://example.{x}/a"),
        *("https://example.com{x}", "https://example.com:{x}/a", "https://example.com:80{x}", "https://{x}@a/b"),
        *("https://example.com{&x}", "https://example.com{/x}", "https://{x", "https://x}", "example.com/{x}"),
        *("ftp://example.com/{x}", "https:///{x}", "/{x}", "https://a b/{x}", "https://a\\b/{x}", "https://a\\{x}"),
    ),
    _NOT_SERVED: (
        *(f"https://a/{{{operator}x}}" for operator in "+#/;.=,!@|&*$"),
        *(
            "https://a/{x:3}",
            "https://a/{x*}",
            "https://a/{x**}",
            "https://a{?x**}",
            "https://a{?x:3}",
            "https://a/{x,}",
        ),
        *("https://a/{}", "https://a/{ x }", "https://a/{x-y}", "https://a/{x.y}", "https://a/{ü}", "https://a/{x=1}"),
        *("https://a/{x", "https://a/x}", "https://a/{{x}}", "https://a/{x{y}}", "https://a{?}", "https://a{?x,}"),
        *("https://a/?b{?x}", "https://a{?x}{?y}", "https://a/b{&x}", "https://a/#{x}", "https://a/#{?x}"),
        *("https://a{?x}b", "https://a{?x}/b", "https://a{?x}&b=1", "https://a{?x}{y}", "https://a{?x}{&y}&b=1"),
        *("https://a/b c/{x}", "https://a/%{x}", "https://a/%2{x}", "https://a/%zz/{x}", "https://a/?b=%{x}"),
    ),
    _DOTS: (
        *("https://a/../{x}", "https://a/./{x}", "https://a/{x}/..", "https://a/{x}/.", "https://a/b/../{x}?c"),
        *("https://a/{x}/..#b", "https://a/..{?x}", "https://a/%2e%2E/{x}", "https://a/{x}/.%2e?b"),
        *("https://a/b\\..\\{x}", "https://a/b%2F.%5c{x}", "https://a/{x}%2f%2E%2e"),
        *("https://a/..;b/{x}", "https://a/{x}/.%3bb"),
    ),
}
GOOD_TEMPLATES = (
    *("https://example.com/orders/{id}", "http://example.com:8080/a/{b}/c-{d},{e};v={f}/{g}{h}", "https://a/{x,y}"),
    *("https://a{?x}", "https://a/{?x*}", "https://a:80/b{?x,y*}{&z}", "https://a/b?c=1{&x*}"),
    *("https://a/b?c={x}&d{&y,z}", "https://a/b?c={x}{&x}{&y}#d", "https://a/b?c=../..", "https://a/b?c=@d"),
    *(
        "https://a?{x}",
        "https://a?b=?{&x}",
        "https://a/b{?x}#c",
        "https://a/{x}#?%",
        "https://a#b",
        "https://[::1]:80/{x}",
    ),
    *("https://a/%2F%c3%A4/{x}", "https://a/ä/{A_1}", "https://a/.../..{x}/.a/{y}..", "https://a//{x}//", "https://a"),
    *("https://a/@b/{x}", "https://a/$b:c!(d)*'{x}'"),
)
