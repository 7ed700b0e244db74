//! Short names for long texts.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The first bytes of a text's SHA-256 in hexadecimal, 32 at the most: two letters each.
#[must_use]
pub fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).fold(
        String::with_capacity(2 * bytes.min(32)),
        |mut hex, byte| {
            // A string takes whatever is written to it.
            _ = write!(hex, "{byte:02x}");
            hex
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_beginning_of_sha_256() {
        let whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for (bytes, letters) in [(0, 0), (6, 12), (32, 64), (40, 64)] {
            assert_eq!(hex("abc", bytes), whole[..letters]);
        }
    }
}
