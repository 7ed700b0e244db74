//! CPU and memory of a task as people write them.
//!
//! Source: `RegisterTaskDefinition`, ECS API reference: CPU as an integer of CPU units or as text
//! in vCPU ("1 vCPU", "1 vcpu"), memory as an integer of MiB or as text in GB ("1GB", "1 GB").

/// What an amount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// CPU units, or vCPU.
    Cpu,
    /// MiB, or GB.
    Memory,
}

/// Parses `256`, `.25 vcpu`, `1 vCPU`, `0.5 GB`.
pub(super) fn parse(text: &str, amount: Amount) -> Option<u64> {
    let lower = text.trim_ascii().to_ascii_lowercase();
    let unit = match amount {
        Amount::Cpu => "vcpu",
        Amount::Memory => "gb",
    };
    match lower.strip_suffix(unit) {
        // Both units are 1,024 of what ECS counts in.
        Some(number) => thousand_and_24_times(number.trim_ascii_end()),
        None => lower.parse().ok(),
    }
}

/// 1,024 times a decimal number, where that is whole.
fn thousand_and_24_times(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // Ten binary digits after the point are ten decimal ones: more cannot come to a whole number.
    if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 10 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u64 = format!("{fraction:0<10}").parse().ok()?;
    let scale = 10_000_000_000_u64;
    let part = fraction.checked_mul(1024)?;
    if part % scale != 0 {
        return None;
    }
    whole.checked_mul(1024)?.checked_add(part / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_ecs_reads_them() {
        let cases = [
            ("256", Amount::Cpu, Some(256)),
            (" 256 ", Amount::Cpu, Some(256)),
            (".25 vcpu", Amount::Cpu, Some(256)),
            ("0.5vCPU", Amount::Cpu, Some(512)),
            ("1 vCPU", Amount::Cpu, Some(1024)),
            ("16 vCPU", Amount::Cpu, Some(16_384)),
            ("0.1 vCPU", Amount::Cpu, None),
            (". vCPU", Amount::Cpu, None),
            ("vCPU", Amount::Cpu, None),
            ("1 GB", Amount::Cpu, None),
            ("-1", Amount::Cpu, None),
            ("0.5 GB", Amount::Memory, Some(512)),
            (".5 gb", Amount::Memory, Some(512)),
            ("30GB", Amount::Memory, Some(30_720)),
            ("512", Amount::Memory, Some(512)),
            ("0.0009765625 GB", Amount::Memory, Some(1)),
            ("0.00048828125 GB", Amount::Memory, None),
            ("512 MB", Amount::Memory, None),
            ("99999999999999999 GB", Amount::Memory, None),
            ("+1 GB", Amount::Memory, None),
            ("1.+5 GB", Amount::Memory, None),
            ("<MEMORY>", Amount::Memory, None),
        ];
        for (text, amount, expected) in cases {
            assert_eq!(parse(text, amount), expected, "{text}");
        }
    }
}
