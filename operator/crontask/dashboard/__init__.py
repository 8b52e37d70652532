"""The page: tasks, what ran, what runs, what comes, why not, and the buttons. An HTTP server of HTML.

Role: reads what somebody may see with their own credentials, and shows it; each write is sent with them too. What a
page shows is a pure function of the objects, the address and the time (`tasks`, `task`, `run`, `now`), so that the same
function serves a request and the stream of an open page (`live`). Nothing is decided here.

- `local` and `served` start it, on one's own machine and for many; `server` puts it together
- `guard` refuses what no page of ours sent; `entry`, `session`: who somebody is; `desk`: what all handlers share
- `reader`, `shared`: the objects of a view, once or as they change; `rights`: what somebody may do
- `views`, `pages` and a module a view: models for `templates/`; `strip`, `graph`: SVG; `nodes`: an open page's changes
- `acts`, `forms`, `command_lines`: the buttons; `logs`, `details`: what stands beside a run
"""
