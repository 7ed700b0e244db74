//! Pages: a token holds the last name of the page before, so that nothing is lost when the world
//! changes in between.

use crate::world::Refusal;

/// Cuts a page out of names in order; answers it with the next token. `allowed` is the range of
/// `maxResults`, `default` what holds without it.
pub(super) fn page(
    names: Vec<String>,
    token: Option<&str>,
    max: Option<i64>,
    default: usize,
    allowed: usize,
) -> Result<(Vec<String>, Option<String>), Refusal> {
    let size = match max {
        None => default,
        Some(n) => usize::try_from(n)
            .ok()
            .filter(|n| (1..=allowed).contains(n))
            .ok_or_else(|| Refusal::invalid(format!("Invalid maxResults {n}: it must be between 1 and {allowed}.")))?,
    };
    let after = token.map(|t| unhex(t).ok_or_else(|| Refusal::invalid("Invalid token"))).transpose()?;
    let mut rest = names.into_iter().filter(|n| after.as_ref().is_none_or(|a| n > a));
    let page: Vec<String> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| hex(last));
    Ok((page, next))
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<String> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() -> Result<(), Refusal> {
        let names: Vec<String> = (0..25).map(|n| format!("n{n:02}")).collect();
        let (first, token) = page(names.clone(), None, None, 10, 100)?;
        assert_eq!((first.len(), token.is_some()), (10, true));
        let (last, token) = page(names.clone(), token.as_deref(), Some(100), 10, 100)?;
        assert_eq!((last.len(), token), (15, None));
        assert!(page(names.clone(), None, Some(0), 10, 100).is_err());
        assert!(page(names.clone(), None, Some(101), 10, 100).is_err());
        assert!(page(names, Some("zz"), None, 10, 100).is_err());
        Ok(())
    }
}
