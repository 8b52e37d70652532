"""The page: tasks, what ran, what runs, what comes, why not, and the buttons. An HTTP server of HTML.

Role: reads what somebody may see with their own credentials, and shows it; each write is sent with them too. What a
page shows is a pure function of the objects, the address and the time (`tasks`, `task`, `run`, `now`), so that the same
function serves a request and the stream of an open page (`live`). Nothing is decided here.

- `server` puts it together; `guard` refuses what no page of ours sent; `entry`, `session`: who somebody is
- `reader`: the objects of a view, once or as they change; `rights`: what somebody may do
- `views` and a module a view: models for `templates/`; `strip`, `graph`, `grid`, `bars`: SVG
- `acts`, `act_forms`: the buttons
"""
