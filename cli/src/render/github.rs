//! Workflow commands of GitHub Actions.
//!
//! Source: "Workflow commands for GitHub Actions" (`error`, `warning`, `notice`), GitHub docs; what is
//! escaped, and how, is the `command` of `actions/toolkit`.

use super::report::{FilePlace, Level, Report};

/// An annotation at each place. What was not judged is a notice, unless little is wanted.
pub(crate) fn commands(report: &Report, quiet: bool) -> String {
    let mut text = String::new();
    for (subject, finding) in report.findings() {
        let level = match finding.level {
            Level::Block => "error",
            Level::Warn => "warning",
        };
        let message = format!("{}: {}", subject.title(), finding.message);
        text.push_str(&command(level, &finding.place, &format!("spotkeeper {}", finding.rule), &message));
    }
    for subject in report.subjects.iter().filter(|_| !quiet) {
        for open in &subject.not_judged {
            let message = format!("{}: {} not judged: {}", subject.title(), open.rules.join(", "), open.why);
            text.push_str(&command("notice", &open.place, "spotkeeper", &message));
        }
    }
    text
}

fn command(level: &str, place: &FilePlace, title: &str, message: &str) -> String {
    let (start, end) = (place.span.start, place.span.end);
    // A column needs an end in the same line.
    let until = match start.line == end.line && end.column > start.column {
        true => format!(",endColumn={}", end.column),
        false => String::new(),
    };
    format!(
        "::{level} file={},line={},col={}{until},title={}::{}\n",
        property(&place.file),
        start.line,
        start.column,
        property(title),
        data(message)
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn texts_are_escaped_as_the_runner_reads_them() {
        assert_eq!(data("50 %, a: b\r\nc"), "50 %25, a: b%0D%0Ac");
        assert_eq!(property("50 %, a: b\r\nc"), "50 %25%2C a%3A b%0D%0Ac");
    }
}
