//! Shares of several clusters, and how many pairs have a metric.

use spotkeeper_core::fixtures;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::plan::BudgetReport;
use spotkeeper_core::switch::Scope;
use spotkeeper_core::units::{CpuUnits, Percent};

use super::*;

fn report(spot: Option<u64>, whole: u64) -> ClusterReport {
    let budget = BudgetReport {
        task_cpu: CpuUnits(whole),
        spot_cpu: CpuUnits(0),
        ceiling: Percent::HUNDRED,
        left: CpuUnits(0),
        room: CpuUnits(0),
        excess: CpuUnits(0),
        unknown: 0,
    };
    let cluster = ClusterName::parse("small").unwrap();
    ClusterReport {
        budget: Some(budget),
        running_spot_cpu: spot.map(CpuUnits),
        ..ClusterReport::empty(fixtures::run_id("run-1"), cluster, fixtures::now())
    }
}

#[test]
fn a_share_is_of_what_is_known() {
    let cases = [
        ("one", vec![report(Some(250), 1_000)], Some(25.0)),
        ("two, by their size", vec![report(Some(250), 1_000), report(Some(0), 4_000)], Some(5.0)),
        ("one is not known", vec![report(Some(250), 1_000), report(None, 4_000)], Some(25.0)),
        ("none is known", vec![report(None, 1_000)], None),
        ("there is nothing", vec![report(Some(0), 0)], None),
    ];
    for (name, reports, expected) in cases {
        let reports: Vec<&ClusterReport> = reports.iter().collect();
        let found = ceiling_samples(&fixtures::run(RunMode::Restore { scope: Scope::All }), &[], &reports);
        let found = found.iter().find(|sample| sample.metric == &SPOT_SHARE).map(|sample| sample.value);
        assert_eq!(found, expected, "{name}");
    }
}
