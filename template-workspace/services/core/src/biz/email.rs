//! E-mail addresses.

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
        let domain = idna::domain_to_ascii(domain).ok()?;
        is_pair(local, &domain).then(|| format!("{local}@{domain}"))
    });
    form.filter(|form| form.chars().count() <= LONGEST)
        .unwrap_or_else(|| email.to_owned())
}

/// Whether the two parts make an address as the contract has it. NFKC makes a space of some characters, and IDNA drops
/// others, so that a label can end with a `-`.
fn is_pair(local: &str, domain: &str) -> bool {
    let is_in_a_name = |c: char| c > ' ' && !"\u{7f}\"(),:;<>@[]\\".contains(c);
    let is_label = |label: &str| {
        let is_of_a_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.chars().all(is_of_a_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !local.is_empty() && local.chars().all(is_in_a_name) && domain.split('.').all(is_label)
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
