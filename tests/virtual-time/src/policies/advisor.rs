//! The Spot Advisor data: how often Spot instances of a type are taken in a Region, and what they save.
//!
//! Source: `spot-advisor-data.json` of AWS, whose `ranges` say that "interruption frequency" index 0 is below
//! 5 % of the instances in a month, and so on to 4: more than 20 %.

use serde_json::Value;

/// The families that general services run on, of 64-bit x86: `c5.large`, `m6id.large`, `r7i.large`.
const FAMILIES: [char; 3] = ['c', 'm', 'r'];
const GENERATIONS: [char; 3] = ['5', '6', '7'];
/// The size of all types here: two vCPU.
const SIZE: &str = ".large";

/// What Spot Advisor says of an instance type in a Region.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Such as `m5.large`.
    pub instance_type: String,
    /// GiB.
    pub memory_gib: u32,
    /// The index of its interruption frequency, 0 to 4.
    pub bucket: usize,
    /// What Spot saves over On-Demand, 0 to 1.
    pub saving: f64,
}

/// A Region's offers, by instance type.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Such as `eu-west-1`.
    pub name: String,
    /// Its offers of two vCPU.
    pub offers: Vec<Offer>,
}

/// Reads the document: the Regions by name, each with its offers of Linux instances of two vCPU.
///
/// # Errors
/// What of it cannot be read.
pub fn read(document: &str) -> Result<Vec<Region>, String> {
    let document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    let advice = document["spot_advisor"].as_object().ok_or("there is no spot_advisor")?;
    let mut regions: Vec<Region> = advice
        .iter()
        .map(|(name, of)| {
            let types = of["Linux"].as_object().into_iter().flatten();
            let mut offers: Vec<Offer> = types.filter_map(|(name, of)| offer(&document, name, of)).collect();
            offers.sort_by(|a, b| a.instance_type.cmp(&b.instance_type));
            Region { name: name.clone(), offers }
        })
        .collect();
    regions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(regions)
}

fn offer(document: &Value, name: &str, of: &Value) -> Option<Offer> {
    let family = name.strip_suffix(SIZE)?;
    let mut letters = family.chars();
    let known = FAMILIES.contains(&letters.next()?) && GENERATIONS.contains(&letters.next()?);
    // A `g` behind the generation is Graviton.
    if !known || letters.any(|letter| letter == 'g') {
        return None;
    }
    let shape = &document["instance_types"][name];
    let memory = u32::try_from(whole(shape["ram_gb"].as_f64()?)).ok()?;
    let bucket = usize::try_from(of["r"].as_u64()?).ok().filter(|bucket| *bucket <= 4)?;
    Some(Offer { instance_type: name.to_owned(), memory_gib: memory, bucket, saving: of["s"].as_f64()? / 100.0 })
}

#[expect(clippy::cast_possible_truncation, reason = "memory of two vCPU: a few GiB")]
const fn whole(gib: f64) -> i64 {
    gib as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read_by_region() {
        let document = serde_json::json!({
            "instance_types": {
                "m5.large": { "cores": 2, "ram_gb": 8.0 }, "m6g.large": { "cores": 2, "ram_gb": 8.0 },
                "c7i.large": { "cores": 2, "ram_gb": 4.0 }, "m5.xlarge": { "cores": 4, "ram_gb": 16.0 },
                "t3.large": { "cores": 2, "ram_gb": 8.0 },
            },
            "spot_advisor": { "us-east-1": { "Windows": { "r5.large": { "s": 1, "r": 0 } }, "Linux": {
                "m5.large": { "s": 66, "r": 3 }, "m6g.large": { "s": 60, "r": 2 }, "c7i.large": { "s": 70, "r": 4 },
                "m5.xlarge": { "s": 66, "r": 1 }, "t3.large": { "s": 66, "r": 1 },
            } } },
        });
        let regions = read(&document.to_string()).unwrap();
        assert_eq!(regions.len(), 1);
        let offers: Vec<_> = regions[0].offers.iter().map(|one| (one.instance_type.as_str(), one.bucket)).collect();
        assert_eq!(offers, [("c7i.large", 4), ("m5.large", 3)], "two vCPU, x86, Linux, no burstable ones");
        assert_eq!((regions[0].offers[1].saving, regions[0].offers[1].memory_gib), (0.66, 8));
        assert!(read("{}").unwrap_err().contains("spot_advisor"));
    }
}
