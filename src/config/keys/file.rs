//! Keys about the file itself.

use super::{Group, Key, Kind, Set, key};

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

pub(super) const BLOCKS: Group = Group {
    title: "Blocks of lines",
    intro: "As uWSGI has them, in any section. Each line up to the end of the block is taken by itself, for each \
            item in turn; in its value, `%(_)` is the item, or what was found. Blocks do not stand in each other.",
    keys: &[
        block("for", Kind::Words).says("for each word").example("web1 web2"),
        block("for-times", Kind::Number).says("for each number from 1 to this one").example("4"),
        block("for-readline", Kind::Path)
            .says("for each line of a file")
            .example("/etc/tidegate/servers"),
        block("endfor", Kind::Flag).aliases(&["end-for"]).says("ends `for`").example("true"),
        block("if-env", Kind::Word)
            .aliases(&["ifenv"])
            .says("if an environment variable is set, or with `NAME=VALUE` has this value")
            .example("STAGE=live"),
        block("if-not-env", Kind::Word).says("if it is not").example("STAGE"),
        block("if-opt", Kind::Word)
            .says("if a key above is set, or has this value as it is written")
            .example("log-level=debug"),
        block("if-not-opt", Kind::Word).says("if it is not").example("log-level"),
        block("if-hostname", Kind::Word).says("if the host is called so").example("web1"),
        block("if-not-hostname", Kind::Word).says("if it is not").example("web1"),
        block("if-exists", Kind::Path)
            .aliases(&["ifexists"])
            .says("if there is a file or directory of this name")
            .example("/etc/tidegate/site.ini"),
        block("if-not-exists", Kind::Path).says("if there is none").example("/run/app.sock"),
        block("if-file", Kind::Path)
            .says("if there is something of this name that is no directory")
            .example("/etc/tidegate/site.ini"),
        block("if-not-file", Kind::Path).says("if there is not").example("/run/app.sock"),
        block("if-dir", Kind::Path)
            .aliases(&["ifdir", "if-directory"])
            .says("if there is a directory of this name")
            .example("/etc/tidegate/sites"),
        block("if-not-dir", Kind::Path).says("if there is none").example("/etc/tidegate/sites"),
        block("else", Kind::Flag)
            .says("turns an `if-...` around, which uWSGI has not")
            .example("true"),
        block("endif", Kind::Flag).aliases(&["end-if"]).says("ends `if-...`").example("true"),
    ],
};

const fn block(name: &'static str, kind: Kind) -> Key {
    key(name, kind, Set::Reader).list()
}
