//! The page at `/`, for people who open the exporter's address in a browser.
//!
//! Owns: its HTML, its style sheet and its security headers. It loads nothing and runs no script, and its policy tells
//! the browser so.
//! Must not: show numbers; they stand on the metrics page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::About;

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
pub(super) fn page(about: &About, telemetry_path: &str, waits: &[String]) -> String {
    let links = [
        (telemetry_path.trim_start_matches('/'), "Metrics", "what Prometheus scrapes"),
        ("-/healthy", "Health", "whether the process is alive"),
        ("-/ready", "Readiness", "whether everything has been polled once"),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (about.name) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header { h1 { (about.name) } span.version { "version " (about.version) } }
                    p.about { (about.description) }
                    (state(waits))
                    nav {
                        @for (href, title, description) in links {
                            a href=(href) { b { (title) } span { (description) } }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn state(waits: &[String]) -> Markup {
    html! {
        @if waits.is_empty() {
            section.state.ready { strong { "Ready" } }
        } @else {
            section.state.waiting {
                strong { "Not ready" }
                ul { @for wait in waits { li { (wait) } } }
            }
        }
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
        insta::assert_snapshot!(body(&page(&ABOUT, "/metrics", &[])).replace("><", ">\n<"), @r#"
        <body>
        <main>
        <header>
        <h1>losant-exporter</h1>
        <span class="version">version 0.1.0</span>
        </header>
        <p class="about">Usage as metrics.</p>
        <section class="state ready">
        <strong>Ready</strong>
        </section>
        <nav>
        <a href="metrics">
        <b>Metrics</b>
        <span>what Prometheus scrapes</span>
        </a>
        <a href="-/healthy">
        <b>Health</b>
        <span>whether the process is alive</span>
        </a>
        <a href="-/ready">
        <b>Readiness</b>
        <span>whether everything has been polled once</span>
        </a>
        </nav>
        </main>
        </body>
        </html>
        "#);
    }

    #[test]
    fn while_not_ready_it_says_why() {
        let html = page(&ABOUT, "/metrics", &["first cycle of account default".to_owned()]);
        assert!(html.contains("<strong>Not ready</strong><ul><li>first cycle of account default</li>"));
    }

    #[test]
    fn nothing_that_is_passed_in_becomes_markup() {
        let about = About { name: "<i>", version: "<i>", description: "<i>" };
        let html = page(&about, "/\"<i>", &["<script>\"&".to_owned()]);
        let html = body(&html);
        assert!(!html.contains("<script") && !html.contains("<i>") && !html.contains("\"\""));
        assert_eq!(html.matches("&lt;script&gt;&quot;&amp;").count(), 1);
    }
}
