//! Lines of text as wide as the terminal.

use crate::console::Console;

/// A text in lines of a width; what has no blank in it stays whole.
pub(crate) fn wrapped(text: &str, width: u16) -> String {
    indented(text, width, 0)
}

/// The same, every line this far from the edge and those after the first two more.
pub(crate) fn indented(text: &str, width: u16, indent: usize) -> String {
    let (mut lines, mut length) = (" ".repeat(indent), indent);
    for word in text.split(' ') {
        let more = word.chars().count();
        if length > indent && length + 1 + more > usize::from(width) {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent + 2));
            length = indent + 2;
        } else if length > indent {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += more;
    }
    lines.push('\n');
    lines
}

/// `1 service`, `2 services`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A sentence with no more of each ARN than its resource's name.
pub(crate) fn short(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| {
        let Some((before, arn)) = word.split_once("arn:") else { return word.to_owned() };
        let resource = arn.splitn(5, ':').nth(4).unwrap_or(arn);
        let closes: String = resource.chars().rev().take_while(|one| ")];,:".contains(*one)).collect();
        let resource = resource.trim_end_matches([')', ']', ';', ',', ':']);
        let name = match resource.split('/').collect::<Vec<_>>().as_slice() {
            ["targetgroup", name, _] | [_, name] => (*name).to_owned(),
            // A service or a task with its cluster.
            [_, cluster, name] => format!("{cluster}/{name}"),
            _ => resource.to_owned(),
        };
        format!("{before}{name}{}", closes.chars().rev().collect::<String>())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A colour, as terminals know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Bold,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Paint {
    fn of(self, text: &str, console: &Console) -> String {
        let code = match self {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => 1,
            Paint::Red => 31,
            Paint::Green => 32,
            Paint::Yellow => 33,
            Paint::Cyan => 36,
        };
        if console.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A heading.
pub(crate) fn heading(text: &str, console: &Console) -> String {
    wrapped(text, console.width).lines().map(|line| Paint::Bold.of(line, console) + "\n").collect()
}

/// One row of [`Columns`]: its cells, and the lines below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) cells: Vec<(String, Option<Paint>)>,
    pub(crate) below: Vec<String>,
}

impl Row {
    pub(crate) fn new<const N: usize>(cells: [String; N]) -> Row {
        Row { cells: cells.into_iter().map(|cell| (cell, None)).collect(), below: Vec::new() }
    }

    /// Paints a cell.
    pub(crate) fn painted(mut self, cell: usize, paint: Paint) -> Row {
        if let Some((_, painted)) = self.cells.get_mut(cell) {
            *painted = Some(paint);
        }
        self
    }

    /// Adds lines below it.
    pub(crate) fn below(mut self, lines: impl IntoIterator<Item = String>) -> Row {
        self.below.extend(lines);
        self
    }
}

/// Rows under heads. A name that is too long for its column has a line of its own.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The head of each column; those that begin with `>` stand to the right.
    pub(crate) heads: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

/// How far a table stands from the edge, and its columns from each other.
const GAP: usize = 2;

impl Columns {
    pub(crate) fn new(heads: &[&'static str]) -> Columns {
        Columns { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn render(&self, console: &Console) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let heads: Vec<(&str, bool)> =
            self.heads.iter().map(|head| head.strip_prefix('>').map_or((*head, false), |head| (head, true))).collect();
        let longest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| Some(row.cells.get(column)?.0.chars().count()));
            cells.chain([heads[column].0.chars().count()]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..heads.len()).map(longest).collect();
        let rest: usize = widths.iter().skip(1).map(|width| width + GAP).sum::<usize>() + GAP;
        let most = usize::from(console.width).saturating_sub(rest).max(8);
        widths[0] = widths[0].min(most);
        let line = |cells: &[(String, Option<Paint>)]| {
            let mut text = String::new();
            for (column, ((cell, paint), (_, right))) in cells.iter().zip(&heads).enumerate() {
                let fill = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                let painted = paint.unwrap_or(Paint::Plain).of(cell, console);
                text.push_str(&" ".repeat(GAP));
                text.push_str(&if *right { fill + &painted } else { painted + &fill });
            }
            text.trim_end().to_owned() + "\n"
        };
        let head: Vec<(String, Option<Paint>)> =
            heads.iter().map(|(head, _)| ((*head).to_owned(), Some(Paint::Bold))).collect();
        let mut text = line(&head);
        for row in &self.rows {
            let mut cells = row.cells.clone();
            if cells[0].0.chars().count() > widths[0] {
                text.push_str(&format!("{}{}\n", " ".repeat(GAP), cells[0].0));
                cells[0].0 = String::new();
            }
            text.push_str(&line(&cells));
            for below in &row.below {
                text.push_str(&indented(below, console.width, 2 * GAP + 2));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_arn_its_name_is_shown() {
        let cases = [
            (
                "target group arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/0123 holds",
                "target group web holds",
            ),
            ("(arn:aws:ecs:eu-west-1:1:service/shop/web), or", "(shop/web), or"),
            ("arn:aws:ecs:eu-west-1:1:task-definition/web:7; next", "web:7; next"),
            ("no name here", "no name here"),
        ];
        for (text, expected) in cases {
            assert_eq!(short(text), expected);
        }
    }

    #[test]
    fn lines_keep_to_their_width_where_words_let_them() {
        assert_eq!(indented("aa bb cc", 8, 2), "  aa bb\n    cc\n");
        assert_eq!(indented("aaaaaaaaaaaa b", 8, 0), "aaaaaaaaaaaa\n  b\n");
    }
}
