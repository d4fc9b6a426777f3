//! E-mail addresses.

use unicode_normalization::UnicodeNormalization;

/// The one form in which addresses are stored and compared: Unicode NFKC, lower case, and the domain in ASCII (IDNA as
/// of UTS #46), however it was typed.
///
/// The standard lets a mail server distinguish upper and lower case before the `@`; the large providers do not, and nor
/// do people. Dots, and what follows a `+`, stay as they are: their meaning depends on the mail server.
pub fn normal_email(email: &str) -> String {
    let folded = email.trim().nfkc().collect::<String>().to_lowercase();
    let email: String = folded.nfkc().collect();
    let Some((local, domain)) = email.rsplit_once('@') else {
        return email;
    };
    match idna::domain_to_ascii(domain) {
        Ok(domain) => format!("{local}@{domain}"),
        // No mail server has such a name, but two of them can still be compared.
        Err(_) => email,
    }
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
            // These are no addresses.
            ("ada", &["Ada"]),
            ("ada@", &["ada@"]),
            ("ada@xn--a", &["ada@XN--A"]),
        ] {
            for spelling in spellings {
                assert_eq!(normal_email(spelling), form, "{spelling}");
            }
            assert_eq!(normal_email(form), form, "the form of the form");
        }
    }
}
