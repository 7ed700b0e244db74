//! Pages: a token holds the key of the last item of the page before, so that nothing is lost when
//! the world changes in between.

use std::ops::RangeInclusive;

use super::protocol::Service;
use crate::world::Refusal;

/// What a request asks of its page.
pub(super) struct Paging<'a> {
    /// Whose words a refusal has.
    pub(super) service: Service,
    pub(super) token: Option<&'a str>,
    pub(super) max: Option<i64>,
}

impl Paging<'_> {
    /// Cuts a page out of keys, which are in order, rising or falling; answers it with the next
    /// token. `allowed` is the range of the page size, `default` what holds without one.
    pub(super) fn cut(
        &self,
        keys: Vec<String>,
        default: usize,
        allowed: RangeInclusive<usize>,
    ) -> Result<(Vec<String>, Option<String>), Refusal> {
        let size = match self.max {
            None => default,
            Some(n) => usize::try_from(n).ok().filter(|n| allowed.contains(n)).ok_or_else(|| {
                let (least, most) = (allowed.start(), allowed.end());
                let what = format!("Invalid page size {n}: it must be between {least} and {most}.");
                Refusal::new(self.service.invalid(), what)
            })?,
        };
        let after = self.token.map(|t| unhex(t).ok_or_else(|| self.service.bad_token())).transpose()?;
        let falling = keys.first() > keys.last();
        let follows = |key: &String| after.as_ref().is_none_or(|after| if falling { key < after } else { key > after });
        let mut rest = keys.into_iter().filter(follows);
        let page: Vec<String> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let next = page.last().filter(|_| more).map(|last| hex(last));
        Ok((page, next))
    }
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

    fn cut(
        keys: &[String],
        token: Option<&str>,
        max: Option<i64>,
    ) -> Result<(Vec<String>, Option<String>), &'static str> {
        let paging = Paging { service: Service::AutoScaling, token, max };
        paging.cut(keys.to_vec(), 10, 5..=100).map_err(|r| r.code)
    }

    #[test]
    fn pages_follow_each_other() {
        let mut keys: Vec<String> = (0..25).map(|n| format!("n{n:02}")).collect();
        for _ in ["rising", "falling"] {
            let (first, token) = cut(&keys, None, None).unwrap();
            assert_eq!(first, keys[..10]);
            let (last, end) = cut(&keys, token.as_deref(), Some(100)).unwrap();
            assert_eq!((last, end), (keys[10..].to_vec(), None));
            // What the token names may be gone by then.
            keys.remove(9);
            assert_eq!(cut(&keys, token.as_deref(), Some(100)).unwrap().0, keys[9..]);
            keys.reverse();
        }
        assert_eq!(cut(&keys, None, Some(4)), Err("ValidationError"));
        assert_eq!(cut(&keys, None, Some(101)), Err("ValidationError"));
        assert_eq!(cut(&keys, Some("zz"), None), Err("InvalidNextToken"));
    }
}
