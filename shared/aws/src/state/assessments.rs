//! The judgement of every service, for people to read: in parts, since a cluster's may be larger
//! than an item.

use jiff::SignedDuration;
use serde::Serialize;
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::ports::PortError;

use super::items::{Item, Key, MAX_ITEM_BYTES, body_of, corrupt, expiring, number, number_of, with_body};
use super::table::Table;

/// The most bytes of assessments in one item: keys and the brackets of the list fit beside them.
const PART_BYTES: usize = MAX_ITEM_BYTES - 8 * 1024;

/// How long they are kept: there is a lot of them.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

fn partition(run: &RunId, cluster: &ClusterName) -> String {
    format!("assessments/{run}/{cluster}")
}

fn key(run: &RunId, cluster: &ClusterName, part: usize) -> Key {
    Key::new(partition(run, cluster), format!("{part:05}"))
}

/// Writes the judgement of each service of a cluster.
pub(super) async fn put(
    table: &Table,
    run: &RunId,
    cluster: &ClusterName,
    assessments: &[Assessment],
) -> Result<(), PortError> {
    table.put_many(items(run, cluster, assessments)?).await
}

/// The judgement of each service of a cluster.
pub(super) async fn read(table: &Table, run: &RunId, cluster: &ClusterName) -> Result<Vec<Assessment>, PortError> {
    let items = table.query(&partition(run, cluster), "", None, None).await?;
    let Some(first) = items.first() else {
        return Ok(Vec::new());
    };
    let parts = number_of(first, "parts").and_then(|parts| usize::try_from(parts).ok()).unwrap_or(usize::MAX);
    // What follows is left of an earlier pass that found more.
    let parts: Vec<Vec<Assessment>> = items.iter().take(parts).map(body_of).collect::<Result<_, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}

fn items(run: &RunId, cluster: &ClusterName, assessments: &[Assessment]) -> Result<Vec<Item>, PortError> {
    let parts = parts(assessments).map_err(|error| corrupt(&key(run, cluster, 0), error.to_string()))?;
    let count = parts.len();
    let item = |(index, part): (usize, &[Assessment])| {
        let mut item = with_body(&key(run, cluster, index), &part)?;
        item.insert("parts".to_owned(), number(count));
        Ok(expiring(item, KEPT))
    };
    parts.into_iter().enumerate().map(item).collect()
}

/// Cuts a list so that each part fits an item; one part at least, so that nothing is something.
fn parts<T: Serialize>(list: &[T]) -> Result<Vec<&[T]>, serde_json::Error> {
    let mut cuts = vec![0];
    let mut bytes = 0;
    for (index, one) in list.iter().enumerate() {
        let size = serde_json::to_string(one)?.len() + 1;
        if bytes + size > PART_BYTES && bytes > 0 {
            cuts.push(index);
            bytes = 0;
        }
        bytes += size;
    }
    let ends = cuts.iter().skip(1).copied().chain([list.len()]);
    Ok(cuts.iter().zip(ends).map(|(start, end)| &list[*start..end]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_where_an_item_is_full() {
        let third = "x".repeat(PART_BYTES / 3);
        let cases = [
            // entries, lengths of the parts
            (0, vec![0]),
            (1, vec![1]),
            (2, vec![2]),
            (3, vec![2, 1]),
            (5, vec![2, 2, 1]),
        ];
        for (entries, expected) in cases {
            let list = vec![third.clone(); entries];
            let lengths: Vec<usize> = parts(&list).unwrap().iter().map(|part| part.len()).collect();
            assert_eq!(lengths, expected, "{entries} entries");
        }
    }

    #[test]
    fn an_entry_that_is_larger_than_an_item_stands_alone() {
        let list = ["small".to_owned(), "x".repeat(2 * PART_BYTES), "small".to_owned()];
        let lengths: Vec<usize> = parts(&list).unwrap().iter().map(|part| part.len()).collect();
        assert_eq!(lengths, [1, 1, 1]);
    }
}
