//! Keys about the file itself.

use super::{Group, Kind, Set, key};

pub(super) const GROUP: Group = Group {
    title: "The file itself",
    intro: "Read while the file is: what they say holds from that line on.",
    keys: &[
        key("include", Kind::Path, Set::Reader)
            .list()
            .says("reads FILE as if its sections stood here; relative to the including file")
            .example("/etc/tidegate/routes.ini"),
        key("set-placeholder", Kind::Pair, Set::Reader)
            .aliases(&["set-ph", "set"])
            .list()
            .says("sets an option for `%(NAME)`; a key of your own that some `%(NAME)` uses does the same")
            .example("app=10.0.0.1"),
    ],
};
