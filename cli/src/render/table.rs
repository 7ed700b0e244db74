//! Reports for people: a table a subject, as wide as the terminal.

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};

use super::report::{Judged, Level, Report};
use super::text::{counted, wrapped};
use crate::console::Console;

/// From here on the place has a column of its own.
const WIDE: u16 = 120;

/// One line of a subject's table.
struct Line {
    level: &'static str,
    color: Option<Color>,
    rule: String,
    place: String,
    message: String,
}

pub(crate) fn report(report: &Report, console: &Console) -> String {
    let mut text = String::new();
    for subject in &report.subjects {
        let lines = lines(subject, console);
        let worst = match (subject.level(), subject.not_judged.is_empty()) {
            (Some(Level::Block), _) => "blocked",
            (Some(Level::Warn), _) => "warnings",
            (None, false) => "not fully judged",
            (None, true) => "passes",
        };
        if console.quiet && lines.is_empty() {
            continue;
        }
        let uses =
            subject.task_definition.as_ref().map_or_else(String::new, |used| format!(", task definition {used}"));
        let title = format!("{}{uses} ({}): {worst}", subject.title(), subject.place);
        text.push_str(&wrapped(&title, console.width));
        if !lines.is_empty() {
            text.push_str(&table(&lines, console));
        }
        text.push('\n');
    }
    if !console.quiet {
        text.push_str(&wrapped(&summary(report), console.width));
    }
    text
}

fn summary(report: &Report) -> String {
    let sum = &report.summary;
    if sum.subjects == 0 {
        return "Nothing to judge: these files hold no service and no task definition.".to_owned();
    }
    format!(
        "{} judged: {} blocked, {} not fully judged; {} blocking, {}.",
        counted(sum.subjects, "service or task definition", "services and task definitions"),
        sum.blocked,
        sum.not_fully_judged,
        counted(sum.blocks, "finding", "findings"),
        counted(sum.warnings, "warning", "warnings"),
    )
}

fn lines(subject: &Judged, console: &Console) -> Vec<Line> {
    let mut lines: Vec<Line> = subject
        .findings
        .iter()
        .map(|finding| {
            let (level, color) = match finding.level {
                Level::Block => ("block", Color::Red),
                Level::Warn => ("warn", Color::Yellow),
            };
            let (rule, place) = (finding.rule.clone(), finding.place.to_string());
            Line { level, color: Some(color), rule, place, message: finding.message.clone() }
        })
        .collect();
    if !console.quiet {
        lines.extend(subject.not_judged.iter().map(|open| Line {
            level: "?",
            color: Some(Color::Cyan),
            rule: open.rules.join(", "),
            place: open.place.to_string(),
            message: format!("not judged: {}", open.why),
        }));
    }
    if console.verbose {
        lines.extend(subject.notes.iter().map(|note| Line {
            level: "note",
            color: None,
            rule: "definition".to_owned(),
            place: note.place.to_string(),
            message: note.message.clone(),
        }));
    }
    lines
}

fn table(lines: &[Line], console: &Console) -> String {
    let wide = console.width >= WIDE;
    let mut table = Table::new();
    table.load_style(comfy_table::TableStyle::default());
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(console.width);
    if console.color {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    for line in lines {
        let level = Cell::new(line.level);
        let level = match line.color {
            Some(color) => level.fg(color),
            None => level,
        };
        let row = if wide {
            vec![level, Cell::new(&line.rule), Cell::new(&line.place), Cell::new(&line.message)]
        } else {
            vec![level, Cell::new(&line.rule), Cell::new(format!("{}\n{}", line.place, line.message))]
        };
        table.add_row(row);
    }
    let fixed = |width| ColumnConstraint::Absolute(Width::Fixed(width));
    // What is longest takes the rest.
    let mut constraints = vec![fixed(7), fixed(17)];
    if wide {
        constraints.push(fixed(44));
    }
    table.set_constraints(constraints);
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
