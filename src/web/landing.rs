//! The page at `/`, for people who open the exporter's address in a browser.
//!
//! Owns: its HTML, its style sheet and its security headers. It loads nothing and runs no script, and its policy tells
//! the browser so.
//! Must not: show numbers; they stand on the metrics page.

use std::fmt::{self, Write};

use super::{About, Link};

/// The answer to an address at which there is nothing.
pub(super) const NOT_FOUND: &str = "Not found. The start page is at /\n";

const STYLE: &str = include_str!("landing.css");

/// What a browser may do with the page: apply exactly [`STYLE`], whose SHA-256 this is, and nothing else.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-kQM8XAXpD2vaW6WPw+geIZ1FU+b5Y9b4LKPd+P+G/nk='; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Writes the page. `waits` says what is still waited for.
///
/// Links are relative, so that they work behind a proxy that adds a prefix.
pub(super) fn page(about: &About, telemetry_path: &str, links: &[Link], waits: &[String]) -> String {
    let mut html = String::with_capacity(4096);
    // Writing to a string cannot fail.
    let _ = write(&mut html, about, telemetry_path, links, waits);
    html
}

fn write(
    html: &mut String,
    about: &About,
    telemetry_path: &str,
    links: &[Link],
    waits: &[String],
) -> fmt::Result {
    let (name, version, description) =
        (Escaped(about.name), Escaped(about.version), Escaped(about.description));
    write!(
        html,
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <style>{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <main>\n\
         <header><h1>{name}</h1><span class=\"version\">version {version}</span></header>\n\
         <p class=\"about\">{description}</p>\n"
    )?;
    write_state(html, waits)?;
    html.push_str("<nav>\n");
    write_link(html, telemetry_path.trim_start_matches('/'), "Metrics", "what Prometheus scrapes")?;
    write_link(html, "-/healthy", "Health", "whether the process is alive")?;
    write_link(html, "-/ready", "Readiness", "whether everything has been polled once")?;
    for link in links {
        write_link(html, &link.href, &link.title, &link.description)?;
    }
    html.push_str("</nav>\n</main>\n</body>\n</html>\n");
    Ok(())
}

fn write_state(html: &mut String, waits: &[String]) -> fmt::Result {
    if waits.is_empty() {
        return writeln!(html, "<section class=\"state ready\"><strong>Ready</strong></section>");
    }
    html.push_str("<section class=\"state waiting\"><strong>Not ready</strong>\n<ul>\n");
    for wait in waits {
        writeln!(html, "<li>{}</li>", Escaped(wait))?;
    }
    html.push_str("</ul>\n</section>\n");
    Ok(())
}

fn write_link(html: &mut String, href: &str, title: &str, description: &str) -> fmt::Result {
    let (href, title, description) = (Escaped(href), Escaped(title), Escaped(description));
    writeln!(html, "<a href=\"{href}\"><b>{title}</b><span>{description}</span></a>")
}

/// A text as it may stand in HTML, between tags or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

    use super::*;

    const ABOUT: About =
        About { name: "losant-exporter", version: "0.1.0", description: "Usage as metrics." };

    fn body(html: &str) -> &str {
        html.split_once("</head>").unwrap().1
    }

    #[test]
    fn the_policy_allows_the_style_sheet_as_it_is() {
        let sha256 = TLS13_AES_128_GCM_SHA256.tls13().unwrap().common.hash_provider.hash(STYLE.as_bytes());
        let source = format!("'sha256-{}'", STANDARD.encode(sha256));
        assert!(CONTENT_SECURITY_POLICY.contains(&source), "the style sheet is now {source}");
    }

    #[test]
    fn it_says_what_this_is_and_where_to_go() {
        insta::assert_snapshot!(body(&page(&ABOUT, "/metrics", &[], &[])), @r#"
        <body>
        <main>
        <header><h1>losant-exporter</h1><span class="version">version 0.1.0</span></header>
        <p class="about">Usage as metrics.</p>
        <section class="state ready"><strong>Ready</strong></section>
        <nav>
        <a href="metrics"><b>Metrics</b><span>what Prometheus scrapes</span></a>
        <a href="-/healthy"><b>Health</b><span>whether the process is alive</span></a>
        <a href="-/ready"><b>Readiness</b><span>whether everything has been polled once</span></a>
        </nav>
        </main>
        </body>
        </html>
        "#);
    }

    #[test]
    fn while_not_ready_it_says_why() {
        let html = page(&ABOUT, "/metrics", &[], &["first cycle of account default".to_owned()]);
        assert!(html.contains("<strong>Not ready</strong>\n<ul>\n<li>first cycle of account default</li>"));
    }

    #[test]
    fn further_links_are_shown() {
        let link = Link {
            title: "Runbooks".into(),
            href: "https://x.example/?a=1&b=2".into(),
            description: "What to do".into(),
        };
        let html = page(&ABOUT, "/metrics", &[link], &[]);
        assert!(html.contains(
            "<a href=\"https://x.example/?a=1&amp;b=2\"><b>Runbooks</b><span>What to do</span></a>"
        ));
    }

    #[test]
    fn nothing_that_is_passed_in_becomes_markup() {
        let hostile = "<script>\"'&";
        let about = About { name: "<i>", version: "<i>", description: "<i>" };
        let link = Link { title: hostile.into(), href: hostile.into(), description: hostile.into() };
        let html = page(&about, "/<i>", &[link], &[hostile.to_owned()]);
        assert!(!html.contains("<script") && !html.contains("<i>") && !html.contains("\"'"));
        assert_eq!(html.matches("&lt;script&gt;&quot;&#39;&amp;").count(), 4);
    }
}
