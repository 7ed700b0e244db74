//! What `assess` answers, for people.

use spotkeeper_core::outlook::{Money, Standing};

use super::assess::{Answer, ByChange, Cluster, Service, Unread};
use super::text::{Columns, Paint, Row, counted, heading, indented, short, wrapped};
use crate::console::Console;

pub(crate) fn answer(answer: &Answer, console: &Console) -> String {
    let mut text = String::new();
    for cluster in &answer.clusters {
        text.push_str(&of_cluster(answer, cluster, console));
        text.push('\n');
    }
    text.push_str(&totals(answer, console));
    for failed in &answer.failed {
        text.push_str(&wrapped(
            &format!("Cluster {} could not be read: {}", failed.cluster, failed.why),
            console.width,
        ));
    }
    text.push_str(&unread(&answer.unread, console));
    text
}

/// What could not be read, and what would let it.
pub(crate) fn unread(unread: &[Unread], console: &Console) -> String {
    if unread.is_empty() {
        return String::new();
    }
    let mut text = heading("Could not be read, and counts as a reason against:", console);
    for one in unread {
        let more = match one.number - one.subjects.len().min(one.number) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let why = match one.cause.as_str() {
            "denied" => "denied: allow it in the policy of the role that you use".to_owned(),
            _ if one.detail.is_empty() => one.cause.replace('_', " "),
            cause => format!("{}: {}", cause.replace('_', " "), one.detail),
        };
        let line = format!("{} {why} ({}{more})", one.action, one.subjects.join(", "));
        text.push_str(&indented(&short(&line), console.width, 2));
    }
    text
}

fn of_cluster(answer: &Answer, cluster: &Cluster, console: &Console) -> String {
    let services = counted(cluster.services.len(), "service", "services");
    let mut text = heading(
        &format!(
            "Cluster {}: {services} of {:.2} vCPU, {:.2} of it on Spot",
            cluster.name, cluster.vcpu, cluster.spot_vcpu
        ),
        console,
    );
    let reach = format!(
        "A ceiling of {} % allows {:.2} vCPU. {:.2} vCPU are eligible, {:.2} once they have their tag and are at rest; \
         the ceiling could be reached to {:.2} vCPU, which saves {}.",
        cluster.ceiling_percent,
        cluster.allowed_vcpu,
        cluster.eligible_vcpu,
        cluster.with_tags_vcpu,
        cluster.reach_vcpu,
        saved(answer, cluster.saving_per_hour, cluster.unpriced, cluster.reach_vcpu > cluster.spot_vcpu),
    );
    text.push_str(&wrapped(&reach, console.width));
    let mut columns = Columns::new(&["SERVICE", "STANDS", ">SCORE", ">TASKS", ">SPOT", ">MONTH"]);
    for one in &cluster.services {
        if !console.quiet || one.standing != Standing::Eligible {
            columns.add(row(one, console));
        }
    }
    text + &columns.render(console)
}

fn row(one: &Service, console: &Console) -> Row {
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let month = one.at_stake_per_hour.map_or_else(|| "?".to_owned(), |hour| month(hour).to_string());
    let (stands, paint) = match one.standing {
        Standing::Eligible => ("eligible", Paint::Green),
        Standing::NotEnrolled => ("needs its tag", Paint::Green),
        Standing::Waiting => ("waits", Paint::Cyan),
        Standing::OneChange => ("one change", Paint::Yellow),
        Standing::SeveralChanges => ("several changes", Paint::Red),
        Standing::Unknown => ("not known", Paint::Cyan),
        Standing::HandsOff => ("hands off", Paint::Plain),
    };
    let spot = format!("{}/{}", number(one.spot_tasks), number(one.most_spot_tasks));
    let row = Row::new([
        one.name.clone(),
        stands.to_owned(),
        one.suitability.to_string(),
        one.desired.to_string(),
        spot,
        month,
    ]);
    let changes = one.changes.iter().map(|change| short(&format!("{}: {}", change.rules.join(", "), change.what)));
    let warnings = one
        .findings
        .iter()
        .filter(|finding| console.verbose && !finding.blocks)
        .map(|finding| short(&format!("{} warns: {}", finding.rule, finding.message)));
    row.painted(1, paint).below(changes.chain(warnings).collect::<Vec<_>>())
}

fn totals(answer: &Answer, console: &Console) -> String {
    let totals = &answer.totals;
    let of = |standing| totals.standings.get(&standing).copied().unwrap_or(0);
    let clusters = counted(answer.clusters.len(), "cluster", "clusters");
    let mut text = heading(&format!("In all, {clusters} and {} services", totals.services), console);
    let standings = [
        (Standing::Eligible, "is eligible", "are eligible"),
        (Standing::NotEnrolled, "needs only its tag", "need only their tag"),
        (Standing::Waiting, "waits for something to pass", "wait for something to pass"),
        (Standing::OneChange, "is one change away", "are one change away"),
        (Standing::SeveralChanges, "is several changes away", "are several changes away"),
        (Standing::Unknown, "is not known", "are not known"),
        (Standing::HandsOff, "is left alone", "are left alone"),
    ];
    let standings: Vec<String> = standings
        .iter()
        .map(|(standing, one, many)| (of(*standing), one, many))
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| counted(number as usize, one, many))
        .collect();
    let saved = saved(answer, totals.saving_per_hour, totals.unpriced, true);
    let line = format!("{}. Every ceiling reached saves {saved}.", standings.join(", "));
    text.push_str(&wrapped(if totals.services > 0 { &line } else { "There is no service." }, console.width));
    for change in &totals.changes {
        text.push_str(&indented(&by_change(answer, change), console.width, 2));
    }
    if !totals.rules.is_empty() {
        text.push_str(&wrapped("Blocked by rule; a service counts once for each of its rules:", console.width));
        let mut columns = Columns::new(&["RULE", ">SERVICES", ">ONE CHANGE AWAY"]);
        for one in &totals.rules {
            columns.add(Row::new([one.rule.clone(), one.services.to_string(), one.one_change.to_string()]));
        }
        text.push_str(&columns.render(console));
    }
    let by = format!("By {}, in {} of account {}.", answer.policy, answer.region, answer.account);
    text + &wrapped(&by, console.width)
}

fn by_change(answer: &Answer, change: &ByChange) -> String {
    let fail = if change.services == 1 { "service fails" } else { "services fail" };
    format!(
        "{} {fail} only {}: {} ({:.2} vCPU could then be on Spot, saving {})",
        change.services,
        change.rules.join(" and "),
        change.kind.summary(),
        change.vcpu,
        saved(answer, change.saving_per_hour, change.unpriced, true),
    )
}

/// `12.05 USD a month`, and how much of it is not known.
fn saved(answer: &Answer, per_hour: f64, unpriced: u32, any: bool) -> String {
    let amount = format!("{} {} a month", month(per_hour), answer.currency.0);
    match unpriced {
        0 if any => amount,
        0 => "nothing more".to_owned(),
        _ if per_hour == 0.0 => {
            "an amount that is not known: no price is known for it, and --prices may say it".to_owned()
        }
        some => format!("{amount}, without {} of unknown price", counted(some as usize, "service", "services")),
    }
}

/// What an hour comes to in a month.
fn month(per_hour: f64) -> Money {
    Money::parse(&format!("{per_hour:.6}")).unwrap_or_default().a_month()
}
