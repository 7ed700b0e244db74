//! Documents as people write them, and as somebody would write them who means harm.

use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Document {
    Document::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn yaml_and_its_tags_become_values() {
    let cases = [
        ("a: !Ref X", json!({ "a": { "Ref": "X" } })),
        ("a: !GetAtt A.B.C", json!({ "a": { "Fn::GetAtt": ["A", "B.C"] } })),
        ("a: !GetAtt [A, B]", json!({ "a": { "Fn::GetAtt": ["A", "B"] } })),
        ("a: !Sub 'web:${Tag}'", json!({ "a": { "Fn::Sub": "web:${Tag}" } })),
        ("a: !If [C, !Ref X, 2]", json!({ "a": { "Fn::If": ["C", { "Ref": "X" }, 2] } })),
        ("a: !Condition C", json!({ "a": { "Condition": "C" } })),
        ("a: !Join\n  - ','\n  - [b]", json!({ "a": { "Fn::Join": [",", ["b"]] } })),
        ("a: !!str 5", json!({ "a": "5" })),
        ("a: ~\nb:\nc: null", json!({ "a": null, "b": null, "c": null })),
        ("a: yes\nb: True\nc: '1'\nd: 012", json!({ "a": "yes", "b": true, "c": "1", "d": "012" })),
        ("a: 0x1F\nb: 0o17\nc: +3\nd: .5\ne: 1.2.3", json!({ "a": 31, "b": 15, "c": 3, "d": 0.5, "e": "1.2.3" })),
        ("a: &x {b: 1}\nc: *x", json!({ "a": { "b": 1 }, "c": { "b": 1 } })),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}", json!({ "a": { "b": 1, "c": 2 }, "d": { "b": 3, "c": 2 } })),
        ("a: |\n  two\n  lines\n", json!({ "a": "two\nlines\n" })),
        ("a: !!int '5'\nb: !!str true", json!({ "a": 5, "b": "true" })),
        (
            "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y], f: 4}",
            json!({ "a": { "b": 1 }, "c": { "b": 2, "d": 3 }, "e": { "f": 4, "b": 1, "d": 3 } }),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).value, expected, "{text}");
    }
}

#[test]
fn json_is_what_a_parser_of_json_makes_of_it() {
    let long = format!("{{\"{}\": 1}}", "k".repeat(5_000));
    let cases = [
        "{}",
        "[]",
        "{\"a\": [1, -2, 2.5, 1e3, 18446744073709551615, 123456789012345678901234567890]}",
        "{\n\t\"a\":\t{\n\t\t\"b\":1\n\t}\n}",
        "{\"a\":\"b\",\"c\":\"\\u00e9\\ud83d\\ude00\\/\\n\\t\\\"\"}",
        "{\"a\":{\"b\":[{\"c\":null},true,false,\"\"]}}",
        "{\"a:b\": \"#c\", \"- d\": \"'e'\", \"?\": \"{f}\", \"*g\": \"&h\"}",
        "{\"a\": \"true\", \"b\": \"null\", \"c\": \"1\", \"d\": \"!Ref x\", \"<<\": 1}",
        "{\r\n\"a\" : 1\r\n}\r\n",
        &long,
    ];
    for text in cases {
        assert_eq!(read(text).value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
    }
}

#[test]
fn every_value_has_its_place() {
    let json = "{\n  \"a\": [\n    {\"b\": 12,\n     \"é/~\": \"x\"}\n  ]\n}\n";
    let yaml = "# first\na:\n  - b: 12\n    'é/~': x\n  - !Ref Y\n";
    let merged = "a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  b: 34\n";
    let cases = [
        (json, "/a/0/b", (3, 11, 13)),
        (json, "/a/0/é~1~0", (4, 13, 16)),
        (json, "/a", (2, 3, 6)),
        (json, "/a/0", (3, 5, 5)),
        (json, "/a/7/c", (2, 3, 6)),
        (json, "", (1, 1, 1)),
        (yaml, "/a/0/b", (3, 8, 10)),
        (yaml, "/a/0/é~1~0", (4, 12, 13)),
        (yaml, "/a/0/none", (3, 5, 5)),
        (yaml, "/a/1", (5, 5, 11)),
        (yaml, "/a/1/Ref", (5, 5, 11)),
        (merged, "/d/b", (6, 6, 8)),
        (merged, "/d/c", (3, 6, 7)),
    ];
    for (text, pointer, (line, start, end)) in cases {
        let at = read(text).at(pointer);
        assert_eq!((at.start.line, at.start.column), (line, start), "{pointer} of {text}");
        assert!(at.end.column == end || at.end == at.start, "{pointer} of {text} ends at {:?}", at.end);
    }
}

#[test]
fn tokens_of_a_template_are_kept_as_text_in_their_places() {
    let cases = [
        ("{\"n\": {{ env `N` `2` }}, \"m\": 1}", json!({ "n": "{{ env `N` `2` }}", "m": 1 })),
        ("{\"n\": {{ env \"N\" \"2\" }}, \"m\": 1}", json!({ "n": "{{ env \"N\" \"2\" }}", "m": 1 })),
        ("{\"n\": \"web:{{ must_env \"T\" }}\", \"m\": {{x}}}", json!({ "n": "web:{{ must_env `T` }}", "m": "{{x}}" })),
        ("n: {{ env \"N\" }}:x # a\nm: 1", json!({ "n": "{{ env \"N\" }}:x", "m": 1 })),
        ("n: [{{ a }}, 2]\nm: 1", json!({ "n": ["{{ a }}", 2], "m": 1 })),
        ("n: [\n  {{ a }},\n  {{ b }}\n]\nm: 1", json!({ "n": ["{{ a }}", "{{ b }}"], "m": 1 })),
        ("n:\n  {{ a }}:x\nl:\n  - {{ b }}\nm: 1", json!({ "n": "{{ a }}:x", "l": ["{{ b }}"], "m": 1 })),
        ("n: {{ a }}:x\nu: s3:{{ b \"c\" }}\nm: 1", json!({ "n": "{{ a }}:x", "u": "s3:{{ b `c` }}", "m": 1 })),
        ("n: {{ a }}:x\nu: s\"\\{{ b \"c\" }}\nm: 1", json!({ "n": "{{ a }}:x", "u": "s\"\\{{ b `c` }}", "m": 1 })),
        (
            "{\"n\": \"{{ a \"\\d\"\t}}\", \"o\": \"say \\\"{{ b }}\\\"\", \"m\": {{x}}}",
            json!({ "n": "{{ a `/d` }}", "o": "say \"{{ b }}\"", "m": "{{x}}" }),
        ),
    ];
    for (text, expected) in cases {
        let document = read(text);
        assert_eq!(document.value, expected, "{text}");
        let at = document.at("/m").start;
        let line = text.lines().nth(at.line as usize - 1).unwrap();
        let shown = &line[at.column as usize - 1..];
        assert!(shown.starts_with('1') || shown.starts_with("{{x}}"), "{text}: {shown}");
    }
}

#[test]
fn a_file_may_be_as_long_as_is_said() {
    let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
    assert!(Document::read(&padded(MAX_DOCUMENT_BYTES)).is_ok());
    assert!(Document::read(&padded(MAX_DOCUMENT_BYTES + 1)).is_err());
}

#[test]
fn a_value_may_stand_so_deep_whatever_it_is_nested_in() {
    let brackets = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let braces = |levels: usize| format!("{}{}", "{a: ".repeat(levels), "}".repeat(levels));
    let blocks = |levels: usize| "- ".repeat(levels);
    let cases = [
        ("lists", brackets(MAX_DEPTH), true),
        ("lists, too deep", brackets(MAX_DEPTH + 1), false),
        ("lists in both forms", blocks(60) + &brackets(MAX_DEPTH - 59), true),
        ("lists in both forms, too deep", blocks(60) + &brackets(MAX_DEPTH - 58), false),
        ("objects in lists", blocks(60) + &braces(MAX_DEPTH - 60), true),
        ("objects in lists, too deep", blocks(60) + &braces(MAX_DEPTH - 59), false),
    ];
    for (name, text, expected) in cases {
        let read = Document::read(&text);
        assert_eq!(read.is_ok(), expected, "{name}: {:?}", read.err());
    }
}

/// What stands for itself in the text and what aliases bring in count alike.
#[test]
fn values_and_their_text_are_counted() {
    // An anchor is kept, so that what it names counts twice.
    let named = format!("- &x [{}1]\n{}", "1, ".repeat(998), "- *x\n".repeat(247));
    let more = |ones: usize| format!("{named}- [{}1]\n", "1, ".repeat(ones - 1));
    let left = MAX_VALUES - 1 - 2 * 1_000 - 247 * 1_000 - 1;
    let (part, aliases) = (MAX_TEXT_BYTES / 64, "- *x\n".repeat(62));
    let text = format!("- &x {}\n{aliases}", "x".repeat(part));
    let key = format!("- &x {{{}: 1}}\n{aliases}", "x".repeat(part - 1));
    let cases = [
        ("as many values as may be", more(left), true),
        ("one more", more(left + 1), false),
        ("as much text as may be", text.clone(), true),
        ("a byte more", text + "- y", false),
        // All the keys are 64 bytes short, and the number is one byte where it stands.
        ("as much text, most in keys", format!("{key}- {}", "y".repeat(63)), true),
        ("a byte more", format!("{key}- {}", "y".repeat(64)), false),
    ];
    for (name, text, expected) in cases {
        let read = Document::read(&text);
        assert_eq!(read.is_ok(), expected, "{name}: {:?}", read.err());
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let bomb = (1..20).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text + &format!("a{level}: &a{level} [{aliases}]\n")
    });
    let (deep_json, deep_yaml) = ("[".repeat(100_000), format!("a: {}", "[".repeat(100_000)));
    let deep_block: String = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let huge = " ".repeat(MAX_DOCUMENT_BYTES + 1);
    let cases = [
        ("", "empty", None),
        (" \n", "empty", None),
        ("# nothing", "nothing", None),
        ("a\u{0}b", "no text", None),
        (&huge, "more than", None),
        ("{\"a\": 1,}", "begins like JSON and is none", Some((1, 9))),
        ("{\n\"a\": 1\n\"b\": 2}", "is none", Some((3, 1))),
        ("{\"a\": 1, \"a\": 2}", "stands twice", Some((1, 10))),
        ("a: 1\nb: 2\na: 3", "stands twice", Some((3, 1))),
        ("a: 1\n---\nb: 2", "second document", Some((2, 1))),
        ("a: *b", "", Some((1, 4))),
        ("a: &a [*a]", "within what it names", Some((1, 8))),
        ("? [a]\n: b", "a key", Some((1, 3))),
        ("a: [1", "", None),
        ("{{ if x }}\na: 1\n{{ end }}", "template tokens", None),
        ("n: {{ a\n  b }}\nm: 1", "template tokens", None),
        ("a: {<<: 1}", "<<", Some((1, 5))),
        ("a: {<<: [[{b: 1}]]}", "<<", Some((1, 5))),
        (&bomb, "values", None),
        (&deep_json, "", None),
        (&deep_yaml, "", None),
        (&deep_block, "", None),
    ];
    for (text, expected, at) in cases {
        let error = Document::read(text).expect_err(&text.chars().take(60).collect::<String>());
        let shown: String = text.chars().take(40).collect();
        assert!(!error.problem.is_empty() && error.problem.contains(expected), "{shown}: {error}");
        if let Some((line, column)) = at {
            assert_eq!(error.at, Some(Place { line, column }), "{shown}: {error}");
        }
    }
}

fn json_value() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[ -~]{0,8}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    /// JSON is read alike by both parsers, in one line and over many.
    #[test]
    fn any_json_is_read_as_it_is(value in json_value()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            if value.is_object() || value.is_array() {
                proptest::prop_assert_eq!(&Document::read(&text).unwrap().value, &value);
            }
        }
    }

    /// Whatever a file holds, reading it ends, and there is an answer.
    #[test]
    fn any_text_gets_an_answer(text in "[ -~\n\t]{0,200}", marks in "[{}\\[\\]:,&*!<\"' \n-]{0,80}") {
        for text in [text, marks] {
            if let Err(error) = Document::read(&text) {
                proptest::prop_assert!(!error.problem.is_empty());
            }
        }
    }
}
