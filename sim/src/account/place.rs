//! Where in a file something stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The line in a YAML or JSON text of what this path leads to, as far as it leads; 0: not even its
/// first name is there.
pub fn line_of(text: &str, path: &[&str]) -> u64 {
    let Ok(mut node) = serde_saphyr::from_str::<Node>(text) else {
        return 0;
    };
    let mut line = 0;
    for name in path {
        let Some(found) = node.0.remove(*name) else {
            break;
        };
        line = found.referenced.line();
        node = found.value;
    }
    line
}

/// A mapping with the place of each value; everything else has no names in it.
#[derive(Default)]
struct Node(BTreeMap<String, Spanned<Node>>);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value()?;
            node.0.insert(name, value);
        }
        Ok(node)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::default())
    }
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_path_leads_to_its_line_as_far_as_it_is_there() {
        let text = "a: 1\nb:\n  c: [x, { d: 1 }]\n  e:\n    f: null\n    g: { h: 2.5 }\n1: true\n";
        for (path, line) in [
            (&["a"][..], 1),
            (&["b", "c"], 3),
            (&["b", "e", "f"], 5),
            (&["b", "e", "g", "h"], 6),
            (&["b", "e", "nope"], 5),
            (&["nope"], 0),
        ] {
            assert_eq!(line_of(text, path), line, "{path:?}");
        }
    }
}
