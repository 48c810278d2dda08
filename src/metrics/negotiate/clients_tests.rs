//! What the clients that read such pages really send, each as its source has it.

use super::Format;
use super::Format::{OpenMetrics, Text};
use crate::metrics::encoding::Encoding;
use crate::metrics::encoding::Encoding::{Gzip, Identity};

const BOTH: &[Format] = &[OpenMetrics, Text];
const OPENMETRICS: &[Format] = &[OpenMetrics];
const TEXT: &[Format] = &[Text];

struct Client {
    name: &'static str,
    accept: Option<&'static str>,
    accept_encoding: Option<&'static str>,
    /// Which of our formats it can make something of; of protobuf there is none.
    reads: &'static [Format],
    gets: (Format, Encoding),
}

const CLIENTS: &[Client] = &[
    // prometheus/prometheus v1.8.2 retrieval/scrape.go acceptHeader; the encoding is the default of Go's client.
    Client {
        name: "Prometheus 1.8, which knew no OpenMetrics",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // prometheus/prometheus v2.0.0 retrieval/scrape.go acceptHeader, targetScraper.scrape.
    Client {
        name: "Prometheus 2.0",
        accept: Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // prometheus/prometheus v2.5.0 scrape/scrape.go acceptHeader, targetScraper.scrape.
    Client {
        name: "Prometheus 2.5, the first to know OpenMetrics",
        accept: Some("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v2.42.0 scrape/scrape.go scrapeAcceptHeader, targetScraper.scrape.
    Client {
        name: "Prometheus 2.42",
        accept: Some(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v2.42.0 scrape/scrape.go scrapeAcceptHeaderWithProtobuf.
    Client {
        name: "Prometheus 2.42 with native histograms",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v2.53.0 scrape/scrape.go acceptHeader, acceptEncodingHeader of config/config.go
    // DefaultScrapeProtocols.
    Client {
        name: "Prometheus 2.53",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v2.53.0 scrape/scrape.go acceptHeader of config/config.go
    // DefaultProtoFirstScrapeProtocols.
    Client {
        name: "Prometheus 2.53 with native histograms",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v2.53.0 scrape/scrape.go acceptEncodingHeader.
    Client {
        name: "Prometheus 2.53 with enable_compression: false",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("identity"),
        reads: BOTH,
        gets: (OpenMetrics, Identity),
    },
    // prometheus/prometheus v3.0.0 scrape/scrape.go acceptHeader of config/config.go DefaultScrapeProtocols; the
    // text of version 1.0.0 brings an escaping of its own.
    Client {
        name: "Prometheus 3.0, which says some things twice",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.0.0 scrape/scrape.go acceptHeader of config/config.go
    // DefaultProtoFirstScrapeProtocols.
    Client {
        name: "Prometheus 3.0 with native histograms",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.0.0 scrape/scrape.go acceptHeader of config/config.go DefaultScrapeProtocols.
    Client {
        name: "Prometheus 3.0 with legacy names",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.5.0, v3.13.2 scrape/scrape_test.go expectedHeader.
    Client {
        name: "Prometheus 3.5 and 3.13",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.5.0, v3.13.2 scrape/scrape_test.go expectedHeader.
    Client {
        name: "Prometheus 3.5 and 3.13 with native histograms",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.5.0, v3.13.2 scrape/scrape_test.go expectedHeader.
    Client {
        name: "Prometheus 3.5 and 3.13 with native histograms and dots escaped",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=dots;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // prometheus/prometheus v3.13.2 scrape/scrape.go acceptHeader of config/config.go ScrapeProtocolsHeaders.
    Client {
        name: "Prometheus 3.13 with scrape_protocols: [PrometheusText1.0.0, OpenMetricsText1.0.0]",
        accept: Some(
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // grafana/alloy 66ebea856dff internal/component/prometheus/scrape/scrape.go: legacy names, hence underscores;
    // go.mod: prometheus/prometheus v0.313.2, whose scrape/scrape_test.go expectedHeader says the rest.
    Client {
        name: "Grafana Alloy",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // open-telemetry/opentelemetry-collector-contrib 0004a50e2bf4 receiver/prometheusreceiver/go.mod:
    // prometheus/prometheus v0.54.1 scrape/scrape.go acceptHeader of config/config.go DefaultScrapeProtocols.
    Client {
        name: "OpenTelemetry collector 0.118, prometheus receiver",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // open-telemetry/opentelemetry-collector-contrib 896f8bff9a2b receiver/prometheusreceiver/go.mod:
    // prometheus/prometheus v0.300.1 scrape/scrape.go acceptHeader of config/config.go DefaultScrapeProtocols.
    Client {
        name: "OpenTelemetry collector 0.123, prometheus receiver",
        accept: Some(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (OpenMetrics, Gzip),
    },
    // VictoriaMetrics/VictoriaMetrics v1.150.0 lib/promscrape/client.go client.ReadData.
    Client {
        name: "vmagent",
        accept: Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // VictoriaMetrics/VictoriaMetrics v1.150.0 lib/promscrape/client.go; its transport adds no encoding either.
    Client {
        name: "vmagent with disable_compression",
        accept: Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"),
        accept_encoding: None,
        reads: TEXT,
        gets: (Text, Identity),
    },
    // DataDog/integrations-core 039837011bc3 datadog_checks_base/datadog_checks/base/checks/openmetrics/v2/scraper/
    // base_scraper.py send_request; fc9854379bbd datadog_checks_base/datadog_checks/base/utils/headers.py.
    Client {
        name: "Datadog agent, OpenMetrics check V2",
        accept: Some("text/plain"),
        accept_encoding: Some("gzip, deflate"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // DataDog/integrations-core 039837011bc3 datadog_checks_base/datadog_checks/base/checks/openmetrics/v2/scraper/
    // base_scraper.py send_request; fc9854379bbd datadog_checks_base/datadog_checks/base/utils/headers.py.
    Client {
        name: "Datadog agent, OpenMetrics check V2 with use_latest_spec",
        accept: Some("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1"),
        accept_encoding: Some("gzip, deflate"),
        reads: OPENMETRICS,
        gets: (OpenMetrics, Gzip),
    },
    // DataDog/integrations-core 0071d6876624 datadog_checks_base/datadog_checks/base/checks/openmetrics/mixins.py
    // get_http_handler.
    Client {
        name: "Datadog agent, OpenMetrics check V1",
        accept: Some("text/plain"),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // DataDog/integrations-core 03c5a6f51f1e datadog_checks_base/datadog_checks/base/checks/prometheus/mixins.py poll:
    // names protobuf alone. Its parse_metric_family reads text too, and nothing else.
    Client {
        name: "Datadog agent, legacy prometheus check",
        accept: Some(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // DataDog/integrations-core 03c5a6f51f1e datadog_checks_base/datadog_checks/base/checks/prometheus/mixins.py poll.
    Client {
        name: "Datadog agent, legacy prometheus check for text, which it misspells",
        accept: Some("plain/text; proto=io.prometheus.client.MetricFamily; encoding=delimited"),
        accept_encoding: Some("gzip"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // influxdata/telegraf v1.39.3 plugins/inputs/prometheus/prometheus.go acceptHeader: reads by content type what it
    // gets. The encoding is the default of Go's client.
    Client {
        name: "Telegraf, prometheus input",
        accept: Some(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
        ),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // Go 1.19.8 src/net/http/transport.go persistConn.roundTrip; no Accept of its own.
    Client {
        name: "Go, net/http",
        accept: None,
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // curl/curl curl-8_21_0 lib/http.c H1_HD_ACCEPT, H1_HD_ACCEPT_ENCODING.
    Client { name: "curl", accept: Some("*/*"), accept_encoding: None, reads: BOTH, gets: (Text, Identity) },
    // curl/curl curl-8_21_0 lib/content_encoding.c general_unencoders, Curl_get_content_encodings.
    Client {
        name: "curl --compressed",
        accept: Some("*/*"),
        accept_encoding: Some("deflate, gzip, br, zstd"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // mirror/wget v1.24.5 src/http.c initialize_request, src/init.c defaults.
    Client {
        name: "wget",
        accept: Some("*/*"),
        accept_encoding: Some("identity"),
        reads: BOTH,
        gets: (Text, Identity),
    },
    // mirror/wget v1.24.5 src/http.c initialize_request.
    Client {
        name: "wget --compression=auto",
        accept: Some("*/*"),
        accept_encoding: Some("gzip"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // psf/requests v2.34.2 src/requests/utils.py default_headers; urllib3/urllib3 2.5.0 src/urllib3/util/request.py
    // ACCEPT_ENCODING.
    Client {
        name: "requests",
        accept: Some("*/*"),
        accept_encoding: Some("gzip, deflate"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // psf/requests v2.34.2 src/requests/utils.py default_headers; urllib3/urllib3 2.5.0 src/urllib3/util/request.py
    // ACCEPT_ENCODING.
    Client {
        name: "requests with brotli and zstd",
        accept: Some("*/*"),
        accept_encoding: Some("gzip, deflate, br, zstd"),
        reads: BOTH,
        gets: (Text, Gzip),
    },
    // mozilla/gecko-dev 0685bc487390 netwerk/protocol/http/nsHttpHandler.cpp DocumentAcceptHeader; 026eb05910e7
    // modules/libpref/init/all.js network.http.accept-encoding.
    Client {
        name: "Firefox, plain HTTP, with AVIF",
        accept: Some(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
        ),
        accept_encoding: Some("gzip, deflate"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // mozilla/gecko-dev 0685bc487390 netwerk/protocol/http/nsHttpHandler.cpp DocumentAcceptHeader; 026eb05910e7
    // modules/libpref/init/all.js network.http.accept-encoding.secure.
    Client {
        name: "Firefox, HTTPS, without AVIF",
        accept: Some(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/png,image/svg+xml,*/*;q=0.8",
        ),
        accept_encoding: Some("gzip, deflate, br, zstd"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
    // chromium/chromium 0e4923935ca2 content/common/content_constants_internal.cc kFrameAcceptHeaderValue, with AV1;
    // weolar/miniblink132 030eac8a3656, a copy of Chromium 132, net/http/http_request_headers.cc
    // SetAcceptEncodingIfMissing.
    Client {
        name: "Chromium, HTTPS or localhost",
        accept: Some(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
        ),
        accept_encoding: Some("gzip, deflate, br, zstd"),
        reads: TEXT,
        gets: (Text, Gzip),
    },
];

#[test]
fn every_client_gets_the_best_format_that_it_asks_for() {
    for client in CLIENTS {
        assert_eq!(Format::negotiate(client.accept), client.gets.0, "{}", client.name);
    }
}

#[test]
fn no_client_gets_a_format_that_it_cannot_read() {
    for client in CLIENTS {
        assert!(client.reads.contains(&Format::negotiate(client.accept)), "{}", client.name);
    }
}

#[test]
fn every_client_that_asks_for_gzip_gets_it_and_no_other() {
    for client in CLIENTS {
        let encoding = Encoding::negotiate(client.accept_encoding);
        assert_eq!(encoding, client.gets.1, "{}", client.name);
        let names_gzip = client.accept_encoding.is_some_and(|header| header.contains("gzip"));
        assert_eq!(encoding == Gzip, names_gzip, "{}", client.name);
    }
}
