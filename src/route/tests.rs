//! The index against each rule in turn, and what a table refuses.

use proptest::prelude::*;

use super::*;
use crate::base::{Place, Problem};
use crate::config::{
    self, Comparison, Condition, Subject, Surroundings, Template, Test, Variable, WebSocketDraft,
};

/// A condition that holds when the answer is yes.
fn is(test: Test) -> Condition {
    let place = Place { file: "site.ini".into(), line: 3, column: 9 };
    Condition { test, negated: false, place }
}

/// The facts of a request that says no more than this.
fn facts<'a>(host: &'a str, path: &'a str) -> Facts<'a> {
    let (path, host) = (path.as_bytes(), host.as_bytes());
    Facts { path, host, purpose: Purpose::Plain, says: &Silent }
}

/// A rule with conditions on path and host.
fn rule(path: Option<&str>, host: Option<&str>) -> Rule {
    let condition = |subject, regex: &str| is(Test::Matches { subject, regex: regex.to_owned() });
    let path = path.map(|regex| condition(Subject::Path, regex));
    let host = host.map(|regex| condition(Subject::Host, regex));
    let conditions = path.into_iter().chain(host).collect();
    Rule { conditions, captures: Some(0) }
}

fn paths(regexes: &[&str]) -> Vec<Rule> {
    regexes.iter().map(|regex| rule(Some(regex), None)).collect()
}

fn table(rules: &[Rule]) -> Table {
    let mut problems = Vec::new();
    let table = Table::compile(rules, &mut problems);
    table.unwrap_or_else(|| panic!("{problems:?}"))
}

fn problems(rules: &[Rule]) -> Vec<String> {
    let mut problems = Vec::new();
    let table = Table::compile(rules, &mut problems);
    assert_eq!(table.is_none(), problems.iter().any(Problem::is_error));
    problems.iter().map(Problem::to_string).collect()
}

fn find(table: &Table, host: &str, path: &str) -> Option<u32> {
    table.find(&facts(host, path), &mut Scratch::new()).map(|found| found.rule)
}

#[test]
fn the_first_rule_that_matches_wins_however_it_is_found() {
    let table = table(&[
        rule(Some("^/api/private"), None),
        rule(Some("secret"), None),
        rule(Some("^/api"), Some(r"^chat\.example\.com$")),
        rule(Some("^/api/(\\w+)$"), None),
        rule(None, Some(r"\.example\.com$")),
        rule(Some(r"^/(?:a|b)/\d+$"), None),
        rule(None, None),
    ]);
    assert_eq!(find(&table, "x", "/api/private/secret"), Some(0));
    assert_eq!(find(&table, "x", "/api/secret"), Some(1));
    assert_eq!(find(&table, "chat.example.com", "/api/users"), Some(2));
    assert_eq!(find(&table, "x", "/api/users"), Some(3));
    assert_eq!(find(&table, "a.example.com", "/"), Some(4));
    assert_eq!(find(&table, "x", "/b/12"), Some(5));
    assert_eq!(find(&table, "x", "/b/12x"), Some(6));
    assert_eq!(find(&super::tests::table(&[]), "x", "/"), None);
}

#[test]
fn captures_are_positions_in_the_subject_of_the_rule() {
    let table = table(&[
        rule(Some(r"^/svc-1/(\w+)(/x)?$"), Some(r"^(\w+)\.example\.com$")),
        rule(Some(r"^/svc-1/(\w+)$"), None),
        rule(Some("^/exact$"), None),
        rule(Some("^/open"), None),
        rule(Some("b(.)d"), None),
        rule(None, Some(r"^(\w+)\.org$")),
    ]);
    let mut scratch = Scratch::new();
    let mut ask = |host: &str, path: &str| {
        let facts = facts(host, path);
        let found = table.find(&facts, &mut scratch).expect("a rule matches");
        let subject = scratch.text(found.source, &facts);
        let text = |n| String::from_utf8_lossy(scratch.captures(&found).text(n, subject));
        (found.rule, text(0).into_owned(), text(1).into_owned(), scratch.captures(&found).get(2))
    };
    let owned = |rule, whole: &str, one: &str| (rule, whole.to_owned(), one.to_owned(), None);
    assert_eq!(ask("a.example.com", "/svc-1/me"), owned(0, "/svc-1/me", "me"));
    assert_eq!(ask("a.example.com", "/svc-1/me/x").3, Some(9..11));
    assert_eq!(ask("b", "/svc-1/me"), owned(1, "/svc-1/me", "me"));
    assert_eq!(ask("b", "/exact"), owned(2, "/exact", ""));
    assert_eq!(ask("b", "/opened"), owned(3, "/open", ""));
    assert_eq!(ask("b", "/abcde"), owned(4, "bcd", "c"));
    assert_eq!(ask("wiki.org", "/"), owned(5, "wiki.org", "wiki"));
}

#[test]
fn what_is_opened_decides_between_rules_for_one_path() {
    let only = |rule: Rule, draft, negated| {
        let mut rule: Rule = rule;
        rule.conditions.push(Condition { negated, ..is(Test::Opens(draft)) });
        rule
    };
    let table = table(&[
        only(rule(None, None), Some(WebSocketDraft::Hixie75), false),
        only(rule(Some("^/chat/(\\w+)$"), None), None, false),
        only(rule(Some("^/chat"), None), None, true),
        rule(Some("^/"), None),
    ]);
    let ask = |path: &str, purpose| {
        let facts = Facts { purpose, ..facts("", path) };
        let mut scratch = Scratch::new();
        let found = table.find(&facts, &mut scratch).expect("a rule matches");
        (found.rule, scratch.captures(&found).text(1, path.as_bytes()).to_vec())
    };
    let (plain, old) = (Purpose::Plain, Purpose::WebSocket(Some(WebSocketDraft::Hixie75)));
    let (new, odd) = (Some(WebSocketDraft::Rfc6455), None);
    assert_eq!(ask("/chat/1", plain), (2, vec![]));
    assert_eq!(ask("/chat/1", old), (0, vec![]));
    assert_eq!(ask("/chat/1", Purpose::WebSocket(new)), (1, b"1".to_vec()));
    assert_eq!(ask("/chat/1", Purpose::WebSocket(odd)), (1, b"1".to_vec()));
    assert_eq!(ask("/chat", Purpose::WebSocket(new)), (3, vec![]));
    assert_eq!(ask("/else", plain), (3, vec![]));
}

#[test]
fn hosts_are_compared_without_case_and_paths_with_it() {
    let table = table(&[
        rule(None, Some(r"^Chat\.Example\.(COM|org)$")),
        rule(None, Some(r"^[A-C]+\.net")),
        rule(Some("^/Admin"), None),
        rule(Some("(?i)^/login"), None),
    ]);
    assert_eq!(find(&table, "chat.example.com", "/"), Some(0));
    assert_eq!(find(&table, "chat.example.org", "/"), Some(0));
    assert_eq!(find(&table, "chat.example.net", "/"), None);
    assert_eq!(find(&table, "abc.net", "/"), Some(1));
    assert_eq!(find(&table, "x", "/Admin"), Some(2));
    assert_eq!(find(&table, "x", "/admin"), None);
    assert_eq!(find(&table, "x", "/LogIn"), Some(3));
}

#[test]
fn dot_and_dollar_never_cross_a_newline_and_classes_are_ascii() {
    let table = table(&paths(&["^/a.b$", r"^/c$", r"^/\w\d\s$", r"^/é\xff$"]));
    assert_eq!(find(&table, "", "/a-b"), Some(0));
    assert_eq!(find(&table, "", "/a\nb"), None);
    assert_eq!(find(&table, "", "/c\n"), None);
    assert_eq!(find(&table, "", "/x1 "), Some(2));
    assert_eq!(find(&table, "", "/é1 "), None);
    assert_eq!(find(&table, "", "/x٣ "), None);
    let facts = Facts { path: b"/\xc3\xa9\xff", ..facts("", "") };
    assert_eq!(table.find(&facts, &mut Scratch::new()).map(|found| found.rule), Some(3));
}

#[test]
fn a_crowd_behind_one_prefix_is_told_apart_by_what_follows() {
    let mut rules: Vec<Rule> =
        (0..500).map(|n| rule(Some(&format!(r"^/api/\w+/item-{n}$")), None)).collect();
    rules.extend((0..500).map(|n| rule(None, Some(&format!(r"(^|\.)tenant-{n}\.example\.com$")))));
    rules.extend((0..500).map(|n| rule(Some(r"^/(\w+)$"), Some(&format!(r"^t{n}\.org$")))));
    let table = table(&rules);
    let mut scratch = Scratch::new();
    for n in [0, 7, 49, 499] {
        let path = format!("/api/x/item-{n}");
        let tenant = format!("www.tenant-{n}.example.com");
        let named = format!("t{n}.org");
        for (host, path, rule) in
            [("", path.as_str(), n), (&tenant, "/", 500 + n), (&named, "/y", 1000 + n)]
        {
            let found = table.find(&facts(host, path), &mut scratch).expect("a rule matches");
            assert_eq!(found.rule, n.max(rule));
            assert!(scratch.candidates() <= 4, "{path}: {} tried", scratch.candidates());
        }
    }
}

#[test]
fn rules_that_nothing_narrows_draw_a_warning() {
    let few: Vec<String> = (0..20).map(|n| format!(r"\w{{{}}}$", n + 1)).collect();
    let many: Vec<String> = (0..60).map(|n| format!(r"\w{{{}}}$", n + 1)).collect();
    let rules = |texts: &[String]| -> Vec<Rule> {
        texts.iter().map(|text| rule(Some(text), None)).collect()
    };
    assert_eq!(problems(&rules(&few)), [""; 0]);
    let said = problems(&rules(&many));
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("site.ini:3:9: warning: 60 rules"), "{said:?}");
}

/// A request that says `X: a` and the like.
#[derive(Debug)]
struct Speaker(&'static [(&'static str, &'static str)], std::cell::Cell<u32>);

impl Says for Speaker {
    fn say(&self, variable: &Variable, put: &mut dyn FnMut(&[u8])) {
        self.1.set(self.1.get() + 1);
        let Variable::Field(name) = variable else { return };
        let value = self.0.iter().find(|(known, _)| known == name);
        put(value.map(|(_, value)| value.as_bytes()).unwrap_or_default());
    }

    fn address(&self) -> Option<std::net::IpAddr> {
        Some(std::net::Ipv4Addr::LOCALHOST.into())
    }

    fn exists(&self, path: &[u8], _: crate::base::FileKind) -> bool {
        path == b"/there"
    }
}

#[test]
fn whatever_a_request_says_can_decide() {
    let (config, problems) = config::parse(
        b"[tidegate]\nhttp = :80\nhttp-to = a:1\n\
          route-user-agent = ^Bot/(\\d) http:b:1,,/$1\n\
          route-if = ipv4in:${HTTP_IP};10.0.0.0/8,192.0.2.1 last:\n\
          route-if-not = empty:${HTTP_A}${HTTP_B} http:b:2\n\
          [route:same]\nif = equal:${HTTP_C};${HTTP_D}x\nif-not = contains:${HTTP_C};no\nto = http:b:3\n\
          [route:ends]\nif = endswith:${HTTP_C};.png\nif = startswith:${PATH_INFO};/p\npath = (.)$\nto = http:b:4,,/$1\n\
          [route:ip6]\nif = ipv6in:${HTTP_IP};2001:db8::/32\n\
          if = ipv4in:${REMOTE_ADDR};127.0.0.0/8\nif-not = ipv4in:${REMOTE_ADDR};10.0.0.0/8\nto = http:b:5\n",
        "site.ini",
        &Surroundings::none(),
    );
    assert_eq!(problems, []);
    let rules: Vec<Rule> = config.rules.iter().map(Rule::from).collect();
    let table = table(&rules);
    let mut scratch = Scratch::new();
    for (says, rule) in [
        (&[("user-agent", "Bot/7")][..], Some(0)),
        (&[("user-agent", "Bot/x"), ("ip", "10.1.2.3")], Some(1)),
        (&[("ip", "192.0.2.1")], Some(1)),
        (&[("ip", "192.0.2.2"), ("c", "a"), ("d", "a")], None),
        (&[("ip", "no"), ("c", "ax"), ("d", "a")], Some(3)),
        (&[("c", "nox"), ("d", "no")], None),
        (&[("b", "x")], Some(2)),
        (&[("c", "a.png")], Some(4)),
        (&[("ip", "2001:db8::1")], Some(5)),
    ] {
        let speaker = Speaker(says, Default::default());
        let facts = Facts { says: &speaker, ..facts("", "/pq") };
        let found = table.find(&facts, &mut scratch);
        assert_eq!(found.map(|found| found.rule), rule, "{says:?}");
        assert!(speaker.1.get() <= 6, "{says:?}: {} were asked for", speaker.1.get());
        let captured =
            found.map(|found| scratch.captures(&found).text(1, scratch.text(found.source, &facts)));
        match rule {
            Some(0) => assert_eq!(captured, Some(b"7".as_slice())),
            Some(4) => assert_eq!(captured, Some(b"q".as_slice())),
            _ => {}
        }
    }
}

#[test]
fn a_crowd_is_told_apart_by_any_text() {
    let tenant = |n| {
        let subject = Subject::Text(Template::of(Variable::Field("x-tenant".into())));
        let with = Template::of(Variable::Field("fixed".into()));
        let test = match n % 2 {
            0 => Test::Matches { subject, regex: format!("^tenant-{n}$") },
            _ => Test::Compares { how: Comparison::Equal, subject, with },
        };
        Rule { conditions: vec![is(test)], captures: None }
    };
    let rules: Vec<Rule> = (0..500).map(|n| tenant(2 * n)).collect();
    let table = table(&rules);
    let mut scratch = Scratch::new();
    let facts =
        Facts { says: &Speaker(&[("x-tenant", "tenant-8")], Default::default()), ..facts("", "/") };
    assert_eq!(table.find(&facts, &mut scratch).map(|found| found.rule), Some(4));
    assert_eq!(scratch.candidates(), 1);
    assert_eq!(problems(&(0..40).map(|n| tenant(2 * n + 1)).collect::<Vec<_>>()).len(), 1);
}

/// Pieces of regexes that share prefixes, overlap and can be empty.
fn regex_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "/a",
        "/ab",
        "a",
        "b",
        "ab",
        "(a|b)",
        "(/a|/ab)",
        "(/ab|/a)",
        r"(\w+)",
        r"\w*",
        "[^/]+",
        "(b)?",
        "(?i:ab)",
        "(?i)a",
        "a{2}",
        "(a{1,2})",
        ".",
        ".*",
        "(.*?)",
        r"\b",
        r"\B",
        "()",
        "(?:)",
        "x",
        "[ab]",
        "(^|/)",
        "(b|$)",
        r"\xff",
        "[^a]",
        "((a)|(b))*",
        "(?:a|b|ab|ba)",
        "$",
        "^",
    ]);
    let start = prop::sample::select(vec!["", "^", "^", "^/", "^/a", "^/ab", "(^/a)", "^(/a|/b)"]);
    let end = prop::sample::select(vec!["", "", "$"]);
    (start, prop::collection::vec(piece, 0..5), end)
        .prop_map(|(start, pieces, end)| format!("{start}{}{end}", pieces.concat()))
}

fn path_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        b"/".as_slice(),
        b"/a",
        b"/ab",
        b"a",
        b"b",
        b"A",
        b"B",
        b"x",
        b"aa",
        b"\n",
        b"\xff",
        b"\xc3\xa9",
        b"-",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn host_regex() -> impl Strategy<Value = Option<String>> {
    let text = prop::sample::select(vec![
        "^a$", "^b$", "^(a|b)$", "^A$", r"^a\.b$", "a", r"\.b$", "^[ab]", "(^|b)a", "", "(a)(b)?",
    ]);
    prop::option::weighted(0.4, text.prop_map(str::to_owned))
}

/// A rule and its groups.
type Outcome = (u32, Vec<Option<(usize, usize)>>);

/// What trying each rule in turn finds, with another engine.
fn in_turn(rules: &[(Option<String>, Option<String>)], facts: &Facts<'_>) -> Option<Outcome> {
    let compile = |text: &str, lower| {
        regex::bytes::RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(lower)
            .build()
            .expect("it compiles")
    };
    (0..).zip(rules).find_map(|(number, (path, host))| {
        let path = path.as_ref().map(|text| compile(text, false).captures(facts.path));
        let host = host.as_ref().map(|text| compile(text, true).captures(facts.host));
        if matches!(path, Some(None)) || matches!(host, Some(None)) {
            return None;
        }
        let captures = path.flatten().or(host.flatten());
        let groups = |captures: regex::bytes::Captures<'_>| {
            captures
                .iter()
                .take(10)
                .map(|group| group.map(|group| (group.start(), group.end())))
                .collect()
        };
        Some((number, captures.map(groups).unwrap_or_default()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_trying_each_rule_in_turn_finds(
        rules in prop::collection::vec((prop::option::weighted(0.9, regex_text()), host_regex()), 1..40),
        requests in prop::collection::vec((path_bytes(), prop::sample::select(vec!["a", "b", "a.b", "b.b", "ab", ""])), 1..8),
    ) {
        let compiled: Vec<Rule> = rules.iter().map(|(path, host)| rule(path.as_deref(), host.as_deref())).collect();
        let table = table(&compiled);
        let mut scratch = Scratch::new();
        for (path, host) in &requests {
            let facts = Facts { path, ..facts(host, "") };
            let found = table.find(&facts, &mut scratch);
            let groups = |found: Found| {
                let all: Vec<_> = (0..10).map(|n| scratch.captures(&found).get(n).map(|range| (range.start, range.end))).collect();
                (found.rule, all)
            };
            let expected = in_turn(&rules, &facts).map(|(rule, mut groups)| {
                if rules[rule as usize] == (None, None) {
                    groups.push(Some((0, 0)));
                }
                groups.resize(10, None);
                (rule, groups)
            });
            prop_assert_eq!(found.map(groups), expected, "{:?}", facts);
            let refuted = |rule| table.refute(rule, &facts, &mut Scratch::new()).is_some();
            let first = (0..rules.len() as u32).find(|rule| !refuted(*rule));
            prop_assert_eq!(found.map(|found| found.rule), first, "what is not refuted is found");
        }
    }
}

#[test]
fn what_only_pcre_has_is_refused_where_it_stands() {
    let cases = [
        (r"^/(?=admin)", 11, "look-around"),
        (r"^/(?<!x)y", 11, "look-around"),
        (r"^/é(\w)\1", 16, "backreference"),
        (r"^/\w++x", 14, "possessive"),
        (r"^/a*+", 13, "possessive"),
        (r"^/a{2}{3}", 15, "a quantifier on a quantifier"),
        (r"^/(?>a|b)", 11, "atomic"),
        (r"^/(?|a|b)", 11, "branch reset"),
        (r"^/(?#note)", 11, "comments"),
        (r"^/(a)(?(1)b|c)", 14, "conditional"),
        (r"^/(?'name'a)", 11, "(?<name>...)"),
        (r"^/(?<n>a)(?P=n)", 18, "backreferences"),
        (r"^/(?R)", 11, "recursion"),
        (r"^/(?1)", 11, "recursion"),
        (r"^/a\K", 12, r"\K"),
        (r"^/a\Z", 12, "very end"),
        (r"^/\Qa.b\E", 11, "backslash before each"),
        (r"^/(\w)\g1", 15, "backreference"),
        (r"^/\<a", 11, "plain <"),
        (r"^/\p{Greek}", 11, "ASCII"),
        (r"^/[é]", 12, "ASCII"),
        (r"^/(?u)a", 13, "bytes"),
        (r"(*UTF8)/a", 9, "verbs"),
        (r"^/a{b}", 13, r"\{"),
        (r"^/(a", 11, "unclosed group"),
        (r"^/[a", 11, "unclosed character class"),
        (r"^/\w{10000}", 9, "needs more than"),
    ];
    for (regex, column, words) in cases {
        let said = problems(&paths(&[regex]));
        assert_eq!(said.len(), 1, "{regex}: {said:?}");
        assert!(said[0].starts_with(&format!("site.ini:3:{column}: ")), "{regex}: {said:?}");
        assert!(said[0].contains(words), "{regex}: {said:?}");
    }
}

#[test]
fn all_problems_are_told_and_none_leaves_a_table() {
    let said = problems(&paths(&["^/(", "^/fine", "^ws", "^/(?=x)"]));
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[1].contains("never matches: a path begins with /"), "{said:?}");
}

#[test]
fn a_capture_that_no_group_gives_is_refused() {
    let asking = |regex, captures| Rule { captures: Some(captures), ..rule(Some(regex), None) };
    assert_eq!(problems(&[asking(r"^/(\w)/(\w)", 2)]), [""; 0]);
    let said = problems(&[asking(r"^/(\w)/(?:\w)", 2)]);
    assert_eq!(said, ["site.ini:3:9: $2 is asked for, but this regex captures only up to $1"]);
}

#[test]
fn groups_that_no_regex_gives_make_no_condition_hold() {
    let (config, problems) = config::parse(
        b"[tidegate]\nhttp = :80\nhttp-to = a:1\nchannel = room-$1\n\
          route-if = ipv4in:${REMOTE_ADDR};10.0.0.0/8 http:b:1\n\
          route-if-not = empty:${HTTP_A} http:b:2\n\
          route-if = equal:${HTTP_B};${HTTP_C} http:b:3\n",
        "site.ini",
        &Surroundings::none(),
    );
    assert_eq!(problems, []);
    let rules: Vec<Rule> = config.rules.iter().map(Rule::from).collect();
    assert!(rules.iter().all(|rule| rule.captures == Some(1)));
    let table = table(&rules);
    for (says, rule) in [
        (&[("a", ""), ("b", "x")][..], None),
        (&[("a", "x"), ("b", "x")], Some(1)),
        (&[("b", "x"), ("c", "x")], Some(2)),
    ] {
        let facts = Facts { says: &Speaker(says, Default::default()), ..facts("", "/") };
        let mut scratch = Scratch::new();
        let found = table.find(&facts, &mut scratch);
        assert_eq!(found.map(|found| found.rule), rule, "{says:?}");
        assert_eq!(found.and_then(|found| scratch.captures(&found).get(1)), None);
    }
}

#[test]
fn a_rule_of_a_configuration_is_asked_for_what_its_action_names() {
    let compiled = |text: &str| {
        let (config, problems) = config::parse(text.as_bytes(), "site.ini", &Surroundings::none());
        assert_eq!(problems, []);
        Rule::from(&config.rules[0])
    };
    let rule =
        compiled("[tidegate]\nhttp = :8080\nroute = ^/a/(\\w)(\\w) http:127.0.0.1:9000,,/$2/$1\n");
    assert_eq!(rule.captures, Some(2));
    assert_eq!(rule.conditions.len(), 1);
    let test = Test::Matches { subject: Subject::Path, regex: r"^/a/(\w)(\w)".into() };
    assert_eq!(rule.conditions[0].test, test);
    assert_eq!(rule.conditions[0].place.column, 9);
}

#[test]
fn what_a_table_may_take_is_bounded() {
    let deep = format!("^/{}a{}", "(".repeat(200), ")".repeat(200));
    assert!(problems(&paths(&[&deep]))[0].contains("nest"));
    let long = format!("^/{}", "a".repeat(5000));
    assert!(problems(&paths(&[&long]))[0].contains("5002 bytes"));
    // Each of these would become an exponential table of states; the automaton is run instead.
    let wide: Vec<String> = (0..6).map(|n| format!(r"^/(\w*a[\w-]{{{}}})/x$", 30 + n)).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let table = table(&paths(&wide));
    assert!(table.memory() < 4 << 20, "{}", table.memory());
    let path = format!("/a{}/x", "b".repeat(35));
    assert_eq!(find(&table, "", &path), Some(5));
    let long = format!("/{}a{}/x", "b".repeat(8000), "b".repeat(35));
    assert_eq!(find(&table, "", &long), Some(5));
}
