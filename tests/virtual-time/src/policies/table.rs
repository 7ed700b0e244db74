//! The figures as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::hazards::Kind;
use super::plan::{Line, Lived, Who};
use super::rivals::Rival;
use super::scores::Informativeness;
use super::statistics::{median, paired, quantile};

/// What is asked for at the least: the part of the service-seconds at or above desired.
pub const SERVED: f64 = 0.999;

/// The months of one column, by seed.
type Months<'a> = BTreeMap<u64, &'a Lived>;

/// All tables: one for each kind of month, one for the differences to Spotkeeper.
#[must_use]
pub fn tables(lines: &[Line]) -> String {
    let mut out = String::new();
    for kind in [Kind::Ordinary, Kind::Harsh] {
        let of: Vec<&Line> = lines.iter().filter(|line| line.kind == kind.name()).collect();
        let alone = months(&of, &Who::Rival(Rival::OnDemand).name(), None);
        if !alone.is_empty() {
            figures(&mut out, kind, &of, &alone);
            differences(&mut out, kind, &of, &alone);
        }
    }
    out
}

fn months<'a>(lines: &[&'a Line], who: &str, informativeness: Option<&str>) -> Months<'a> {
    let of = lines.iter().filter(|line| line.who == who && line.informativeness.as_deref() == informativeness);
    of.map(|line| (line.seed, &line.lived)).collect()
}

/// Every column: who, and how much scores said.
fn columns() -> Vec<(String, Option<&'static str>)> {
    let mut columns = Vec::new();
    for who in Who::all() {
        let levels: Vec<Option<&str>> = match who {
            Who::Rival(Rival::Level) | Who::Spotkeeper => {
                Informativeness::MEASURED.iter().map(|level| Some(level.name())).collect()
            }
            Who::Rival(_) => vec![None],
        };
        columns.extend(levels.into_iter().map(|level| (who.name(), level)));
    }
    columns
}

fn title(who: &str, informativeness: Option<&str>) -> String {
    informativeness.map_or_else(|| who.to_owned(), |level| format!("{who}, score {level}"))
}

fn figures(out: &mut String, kind: Kind, lines: &[&Line], alone: &Months<'_>) {
    let _ = writeln!(out, "\n{} months ({} of them): median, worst\n", kind.name(), alone.len());
    out.push_str("| policy | months | of them at 99.9 % | cost over On-Demand | served % | worst service, served % | interruptions felt a service-day | changes a service-day |\n|---|---|---|---|---|---|---|---|\n");
    for (who, level) in columns() {
        let of = months(lines, &who, level);
        let of: Vec<(&&Lived, &Lived)> = of.iter().filter_map(|(seed, one)| Some((one, *alone.get(seed)?))).collect();
        if of.is_empty() {
            continue;
        }
        let each = |value: &dyn Fn(&Lived, &Lived) -> f64| of.iter().map(|(one, alone)| value(one, alone)).collect();
        let cost: Vec<f64> = each(&|one, alone| one.cost() / alone.cost());
        let served: Vec<f64> = each(&|one, _| one.served * 100.0);
        let worst: Vec<f64> = each(&|one, _| one.worst_served * 100.0);
        let felt: Vec<f64> = each(&|one, _| one.a_service_day(one.interruptions));
        let changes: Vec<f64> = each(&|one, _| one.a_service_day(one.changes));
        let both = |values: &[f64], worst: f64, digits: usize| {
            let of = |part| quantile(values, part).unwrap_or(f64::NAN);
            format!("{:.digits$}, {:.digits$}", median(values).unwrap_or(f64::NAN), of(worst))
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            title(&who, level),
            of.len(),
            of.iter().filter(|(one, _)| one.served >= SERVED).count(),
            both(&cost, 1.0, 3),
            both(&served, 0.0, 3),
            both(&worst, 0.0, 2),
            both(&felt, 1.0, 4),
            both(&changes, 1.0, 3),
        );
    }
}

/// Spotkeeper less each other, month by month.
fn differences(out: &mut String, kind: Kind, lines: &[&Line], alone: &Months<'_>) {
    let mut rows = String::new();
    for level in Informativeness::MEASURED {
        let ours = months(lines, &Who::Spotkeeper.name(), Some(level.name()));
        for (who, of) in columns().into_iter().filter(|(who, _)| *who != Who::Spotkeeper.name()) {
            if of.is_some_and(|of| of != level.name()) {
                continue;
            }
            let theirs = months(lines, &who, of);
            let pairs: Vec<_> =
                ours.iter().filter_map(|(seed, ours)| Some((*ours, *theirs.get(seed)?, *alone.get(seed)?))).collect();
            let cost: Vec<f64> =
                pairs.iter().map(|(ours, theirs, alone)| (ours.cost() - theirs.cost()) / alone.cost()).collect();
            let served: Vec<f64> =
                pairs.iter().map(|(ours, theirs, _)| (ours.served - theirs.served) * 100.0).collect();
            let (Some(cost), Some(served)) = (paired(&cost), paired(&served)) else { continue };
            let at_aim = pairs.iter().filter(|(_, theirs, _)| theirs.served >= SERVED).count();
            let _ = writeln!(
                rows,
                "| {} | {who} | {:+.3} ({:+.3} to {:+.3}) | {:+.3} ({:+.3} to {:+.3}) | {at_aim} of {} |",
                level.name(),
                cost.0,
                cost.1,
                cost.2,
                served.0,
                served.1,
                served.2,
                pairs.len(),
            );
        }
    }
    if !rows.is_empty() {
        let _ = writeln!(out, "\n{} months: Spotkeeper less the other, mean (95 % interval)\n", kind.name());
        out.push_str("| score | the other | cost over On-Demand | served, points | its months at 99.9 % |\n|---|---|---|---|---|\n");
        out.push_str(&rows);
    }
}
