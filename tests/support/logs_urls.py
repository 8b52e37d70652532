"""Templates of where logs are: good ones, what the chart refuses as well, and what only the operator refuses."""

BASE = "https://logs.example.com/search"
GOOD_TEMPLATES = (
    *(BASE, f"{BASE}/{{namespace}}/{{pod}}", f"{BASE}?pod={{pod}}&from={{start}}&to={{end}}", "http://a:8080/{run}"),
    *(
        f"{BASE}{{?namespace,pod}}{{&run}}&x=1",
        f"{BASE}?a={{startMillis}}{{&endMillis}}",
        "https://a{?pod}",
        "https://a",
    ),
    *(f"{BASE}#/?_g=(time:(from:'{{start}}',to:'{{end}}'))", f"{BASE}?q=%7Bpod%3D%22{{pod}}%22%7D#{{run,pod}}"),
    *("https://[::1]:80/{run}", f"{BASE}/?#", f"{BASE}?a=?/@:!$&'()*+,;=~-._", "https://a.b-c.de:65535/x"),
)
_ALL = "{namespace}, {run}, {pod}, {start}, {end}, {startMillis} or {endMillis}"
_LIKE = "write it like https://logs.example.com/search?pod={pod}&from={start}&to={end}"
_HOST = "write the host as it is, and / after it, like https://logs.example.com/search?pod={pod}&from={start}&to={end}"
_OF_A_HOST = "write it of a-z, 0-9, - and ., and a port after it if there is one, like logs.example.com:8443"
_NO_VARIABLE = f"write {_ALL}; for the braces themselves %7B and %7D"
REFUSED_BY_BOTH = {
    "ftp://a/{pod}": f"'ftp://a/{{pod}}' does not begin with https:// or http://; {_LIKE}",
    "javascript:alert(1)//https://a/{pod}": (
        f"'javascript:alert(1)//https://a/{{pod}}' does not begin with https:// or http://; {_LIKE}"
    ),
    "{pod}": f"'{{pod}}' does not begin with https:// or http://; {_LIKE}",
    "HTTPS://a/{pod}": f"'HTTPS://a/{{pod}}' does not begin with https:// or http://; {_LIKE}",
    "https://": f"has no host; {_OF_A_HOST}",
    "https:///{pod}": f"has no host; {_OF_A_HOST}",
    "https://a b/{pod}": f"has 'a b' for a host; {_OF_A_HOST}",
    "https://größe.de/{pod}": f"has 'größe.de' for a host; {_OF_A_HOST}",
    "https://me:word@a/{pod}": (
        "has a name or a password before its host, which everybody would see who reads a run; remove it"
    ),
    "https://{namespace}.a/{pod}": f"has an expression in its host; {_HOST}",
    "https://a{pod}": f"has an expression in its host; {_HOST}",
    "https://a{&pod}": f"has an expression in its host; {_HOST}",
    f"{BASE}/{{podd}}": f"has {{podd}}: there is no such variable; write {{pod}}, or another of {_ALL}",
    f"{BASE}{{?namspace}}": f"has {{?namspace}}: there is no such variable; write {{?namespace}}, or another of {_ALL}",
    f"{BASE}/{{ pod }}": f"has {{ pod }}: there is no such variable; write {{pod}}, or another of {_ALL}",
    f"{BASE}/{{pod_name}}": f"has {{pod_name}}: there is no such variable; write {{pod}}, or another of {_ALL}",
    f"{BASE}/{{from}}": f"has {{from}}: there is no such variable; write {{start}}, or another of {_ALL}",
    f"{BASE}/{{end_ms}}": f"has {{end_ms}}: there is no such variable; write {{endMillis}}, or another of {_ALL}",
    f"{BASE}/{{POD}}": f"has {{POD}}: there is no such variable; write {{pod}}, or another of {_ALL}",
    f"{BASE}/{{xyz}}": f"has {{xyz}}: there is no such variable; write {_ALL}",
    f"{BASE}/{{pod,}}": f"has {{pod,}}, which names no variable; {_NO_VARIABLE}",
    f"{BASE}/{{}}": f"has {{}}, which names no variable; {_NO_VARIABLE}",
    f'{BASE}?q={{"a":{{"b":1}}}}': f'has {{"b":1}}, which names no variable; {_NO_VARIABLE}',
    f"{BASE}/{{+pod}}": "has {+pod}, whose operator is not served: only ? and & are; write {pod}",
    f"{BASE}/{{#pod,run}}": "has {#pod,run}, whose operator is not served: only ? and & are; write {pod,run}",
    f"{BASE}{{/x}}": f"has {{/x}}, whose operator is not served: only ? and & are; write {_ALL}",
    f"{BASE}/{{pod:3}}": "has {pod:3}: each variable is one text, which is written as a whole; write {pod}",
    f"{BASE}{{?pod*}}": "has {?pod*}: each variable is one text, which is written as a whole; write {?pod}",
    f"{BASE}/{{pod": "has a { that is not closed; close it, or write %7B for the character itself",
    f"{BASE}/pod}}": "has a } that closes nothing; remove it, or write %7D for the character itself",
    f'{BASE}?q={{pod="{{pod}}"}}': "has a { that is not closed; close it, or write %7B for the character itself",
    f"{BASE}?q=a b": "has ' ' in it, which no URL may have; write it as %20",
    f'{BASE}?q="': "has '\"' in it, which no URL may have; write it as %22",
    f"{BASE}?q=a|b": "has '|' in it, which no URL may have; write it as %7C",
    f"{BASE}?q=\N{LATIN SMALL LETTER U WITH DIAERESIS}": "has 'ü' in it, which no URL may have; write it as %C3%BC",
    f"{BASE}/[pod]": "has '[' in it, which no URL may have; write it as %5B",
    f"{BASE}/\n{{pod}}": "has '\\n' in it, which no URL may have; write it as %0A",
    f"{BASE}/\x1b{{pod}}": "has '\\x1b' in it, which no URL may have; write it as %1B",
    "https://a:99999/{pod}": f"has 'a:99999' for a host; {_OF_A_HOST}",
    "https://a..b/{pod}": f"has 'a..b' for a host; {_OF_A_HOST}",
    f"{BASE}/%{{pod}}": "has a % that encodes nothing; write it as %25",
    f"{BASE}/%4{{pod}}": "has a % that encodes nothing; write it as %25",
    f"{BASE}#a#{{pod}}": "has a second #; write it as %23",
    f"{BASE}#{{?pod,run}}": "has {?pod,run} after a #; write pod={pod}&run={run}",
    f"{BASE}?a=1{{?pod}}": "has {?pod} after a ?; write {&pod}",
    f"{BASE}{{?run}}{{?pod}}": "has {?pod} after a ?; write {&pod}",
    f"{BASE}/{{&pod}}": "has {&pod} without a ? before it; write {?pod}",
}
REFUSED_BY_THE_OPERATOR = {
    "https://[::g]/{pod}": f"has '[::g]' for a host; {_OF_A_HOST}",
    "https://[:::]/{pod}": f"has '[:::]' for a host; {_OF_A_HOST}",
    f"{BASE}/{'{pod}' * 60}": (
        "could become a URL of 4,412 characters, and 4,096 is the most; name its variables less often"
    ),
    f"{BASE}/{'a' * 2048}": "has 2,080 characters, and 2,048 is the most; write a shorter query",
}
