//! E-mail addresses.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// The longest address that a user can have, in characters.
const LONGEST: usize = 254;

/// The one form in which addresses are stored and compared: Unicode NFKC, lower case, and the domain in ASCII (IDNA as
/// of UTS #46), however it was typed.
///
/// The standard lets a mail server distinguish upper and lower case before the `@`; the large providers do not, and nor
/// do people. Dots, and what follows a `+`, stay as they are: their meaning depends on the mail server.
///
/// An address that has no such form stays as it is: no mail server has it, but two of them can still be compared.
pub fn normal_email(email: &str) -> String {
    let folded = email.trim().nfkc().collect::<String>().to_lowercase();
    let folded: String = folded.nfkc().collect();
    let form = folded.rsplit_once('@').and_then(|(local, domain)| {
        let domain = Uts46::new().to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        );
        let domain = domain.ok().filter(|_| is_local(local))?;
        Some(format!("{local}@{domain}"))
    });
    form.filter(|form| form.chars().count() <= LONGEST)
        .unwrap_or_else(|| email.to_owned())
}

/// Whether the contract lets this stand before the `@`. NFKC makes a space or a bracket of some characters.
fn is_local(text: &str) -> bool {
    let is_taken = |c: char| c > ' ' && !"\u{7f}\"(),:;<>@[]\\".contains(c);
    !text.is_empty() && text.chars().all(is_taken)
}

#[cfg(test)]
mod tests {
    use super::normal_email;

    #[test]
    fn every_spelling_of_an_address_has_one_form() {
        for (form, spellings) in [
            (
                "ada@example.com",
                &[
                    "Ada@Example.COM",
                    " ada@example.com\n",
                    "ａｄａ@example.com",
                    "ada@ｅｘａｍｐｌｅ。com",
                ][..],
            ),
            // The same domain: composed, decomposed, in ASCII.
            (
                "ada@xn--bcher-kva.example",
                &[
                    "ada@b\u{fc}cher.example",
                    "ADA@BU\u{308}CHER.example",
                    "ada@XN--BCHER-KVA.example",
                ],
            ),
            (
                "zo\u{eb}@example.com",
                &["Zoe\u{308}@example.com", "ZO\u{cb}@example.com"],
            ),
            // These may be two people.
            ("a.da@example.com", &["A.da@example.com"]),
            ("ada+news@example.com", &["ada+News@example.com"]),
            // These have no form.
            ("Ada", &["Ada"]),
            ("ada@", &["ada@"]),
            ("ada@XN--A", &["ada@XN--A"]),
            ("\u{af}@example.com", &["\u{af}@example.com"]),
            ("ada@\u{3000}", &["ada@\u{3000}"]),
            ("ada@b-\u{ad}", &["ada@b-\u{ad}"]),
        ] {
            for spelling in spellings {
                assert_eq!(normal_email(spelling), form, "{spelling}");
            }
            assert_eq!(normal_email(form), form, "the form of the form");
        }
    }
}
