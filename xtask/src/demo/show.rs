//! Tables for people: they read well at 80 columns and at 160.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, LineStyle, Table, presets};
use spotkeeper_core::assess::{Assessment, Level, Verdict};
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::record::MoveRecord;
use spotkeeper_core::strategy::Strategy;

use super::aws::{Fleet, Service};
use super::check::name_of;

/// The widest that a table gets: longer lines are hard to follow.
const WIDEST: u16 = 160;
/// The width where nobody says one.
const WIDTH: u16 = 100;

/// Begins a part of the demo.
pub(crate) fn chapter(title: &str) {
    println!("\n== {title}\n");
}

/// Every service, with what places its tasks and where they run.
pub(super) fn fleet(fleet: &Fleet) {
    let mut table = table(&["service", "placed by", "running tasks"]);
    for (name, service) in fleet {
        let running: Vec<String> =
            service.running.iter().map(|(provider, tasks)| format!("{tasks} {provider}")).collect();
        table.add_row([name.clone(), placed(service), running.join("\n")]);
    }
    println!("{table}");
}

/// Every service, with its suitability and what the rules say of it.
pub(super) fn assessments(assessments: &[Assessment]) {
    let mut table = table(&["service", "score", "rules"]);
    for assessment in assessments {
        let heard = assessment.verdicts.iter().filter(|verdict| verdict.level != Level::Pass);
        let mut lines: Vec<String> = heard.map(sentence).collect();
        if lines.is_empty() {
            let pair = assessment.pair.as_ref().map(ToString::to_string).unwrap_or_default();
            let numbers = &assessment.suitability;
            lines.push(format!(
                "all pass: may move over {pair} (drain slack {} %, redundancy {} %, rolling headroom {} %, pools {} %)",
                numbers.drain_slack, numbers.redundancy, numbers.rolling_headroom, numbers.pool_diversity,
            ));
        }
        table.add_row([assessment.service.to_string(), assessment.suitability.score.to_string(), lines.join("\n")]);
    }
    println!("{table}");
}

/// What a rule says against a move, with its numbers.
fn sentence(verdict: &Verdict) -> String {
    let level = if verdict.level == Level::Block { "blocks" } else { "warns" };
    let reasons = verdict.reasons.iter().filter(|reason| reason.level != Level::Pass);
    let reasons: Vec<String> = reasons.map(|reason| short(&reason.finding.to_string())).collect();
    format!("{} {level}: {}", verdict.rule, reasons.join("; "))
}

/// A sentence with no more of each ARN than its resource's name.
fn short(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| {
        let Some((before, arn)) = word.split_once("arn:") else {
            return word.to_owned();
        };
        let resource = arn.splitn(5, ':').nth(4).unwrap_or(arn);
        let closes = if word.ends_with(')') { ")" } else { "" };
        let name = resource.split('/').nth(1).unwrap_or(resource);
        format!("{before}{}{closes}", name.trim_end_matches(')'))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Every move, with the strategies before and after.
pub(super) fn moves(moves: &[MoveRecord]) {
    let mut table = table(&["service", "move", "before", "after", "ended"]);
    for record in moves {
        let planned = &record.planned;
        table.add_row([
            name_of(record),
            direction(planned.kind).to_owned(),
            written(&planned.before),
            written(&planned.after),
            record.outcome.map_or("not yet", |outcome| outcome.name()).replace('_', " "),
        ]);
    }
    println!("{table}");
}

/// A kind of move in a word.
pub(super) const fn direction(kind: MoveKind) -> &'static str {
    match kind {
        MoveKind::Up => "up",
        MoveKind::Down => "down",
        MoveKind::Rebalance => "rebalance",
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    let width = match std::io::stdout().is_terminal() {
        true => table.width(),
        false => std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()),
    };
    table.set_width(width.unwrap_or(WIDTH).min(WIDEST));
    table
}

fn placed(service: &Service) -> String {
    service.strategy.as_ref().map_or_else(|| format!("launch type {}", service.launch_type), strategy)
}

fn written(placed_by: &PlacedBy) -> String {
    match placed_by {
        PlacedBy::Strategy(items) => strategy(items),
        PlacedBy::LaunchType(launch_type) => {
            let name = serde_json::to_value(launch_type).unwrap_or_default();
            format!("launch type {}", name.as_str().unwrap_or_default().to_uppercase())
        }
    }
}

/// A line for each provider: its weight, after its base where it has one.
fn strategy(strategy: &Strategy) -> String {
    let items = strategy.items.iter().map(|item| match item.base {
        0 => format!("{} {}", item.provider, item.weight),
        base => format!("{} {base}+{}", item.provider, item.weight),
    });
    items.collect::<Vec<_>>().join("\n")
}
