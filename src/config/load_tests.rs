//! Tests of whole configurations.

use super::*;

fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = parse(text.as_bytes(), "site.ini", &Surroundings::none());
    (config, problems.iter().map(Problem::to_string).collect())
}

#[test]
fn a_uwsgi_file_loads_with_one_notice() {
    let (config, problems) = read(
        "[uwsgi]\nhttp = :8080\nhttp-to = 127.0.0.1:3031\nhttp-websockets = true\n\
         route = ^/websocket uwsgi:127.0.0.1:3032\nwsgi-file = /srv/app.py\nmaster = true\n\
         processes = 4\ngevent = 100\n",
    );
    assert_eq!(
        problems,
        [
            "site.ini:1:1: notice: [uwsgi]: skipped, for they are the app server's: wsgi-file, master, \
          processes, gevent"
        ]
    );
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.http_to.len(), 1);
    assert_eq!(config.rules.len(), 1);
}
