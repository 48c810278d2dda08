//! What the program says when it is asked wrongly: one line that names file and key, or the flag; exit code 2.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Writes `config.toml`.
    fn config(self, text: &str) -> Self {
        std::fs::write(self.0.path().join("config.toml"), text).expect("a file");
        self
    }

    /// Runs the program in an otherwise empty environment.
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .expect("it runs")
    }

    /// What the program complains of. It must be the usage exit code, and nothing on standard output.
    fn complaint(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run(args, variables);
        let complaint = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert_eq!(output.stdout, b"", "{complaint}");
        complaint.replace(&self.0.path().display().to_string(), "FOLDER")
    }

    /// The complaint of `check` about `config.toml`, which must be one line, and that of `serve`, which must be the
    /// same.
    fn refusal(&self, variables: &[(&str, &str)]) -> String {
        let complaint = self.complaint(&["check"], variables);
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert_eq!(self.complaint(&[], variables), complaint);
        complaint
    }
}

const TOKEN: (&str, &str) = ("LOSANT_API_TOKEN", "a.secret.token");

#[test]
fn wrong_configuration_is_refused_with_file_and_key() {
    let refusal = |text: &str| Sandbox::new().config(text).refusal(&[TOKEN]);
    let account = "[accounts.default]\n";
    insta::assert_snapshot!(
        [
            refusal(&format!("[polling]\nsettle = \"5m\"\n{account}")),
            refusal(&format!("[poling]\nsettle_delay = \"5m\"\n{account}")),
            refusal(&format!("[polling]\nsettle_delay = \"5 parsecs\"\n{account}")),
            refusal(&format!("[polling]\nsettle_delay = 300\n{account}")),
            refusal(&format!("[polling]\ndevice_counts_interval = \"2h\"\n{account}")),
            refusal(&format!("[web]\nlisten_addresses = [\"localhost\"]\n{account}")),
            refusal(&format!("[web]\ntelemetry_path = \"metrics\"\n{account}")),
            refusal(&format!("[log]\nlevel = \"loud\"\n{account}")),
            refusal("[accounts.default]\nbase_url = \"ftp://example.com\"\n"),
            refusal("[accounts.default]\nbase_url = \"https://me:secret@example.com\"\n"),
            refusal("[accounts.default]\ninstances = [\"acme\"]\n"),
            refusal("[accounts.default]\nrequests_per_second = 0\n"),
            refusal("[accounts.default]\nburst = \"many\"\n"),
            refusal("[accounts.default]\ninstances = \"5ff89ff825013dc6c2856188\"\n"),
            refusal("[accounts]\ndefault = \"acme\"\n"),
            refusal("[accounts.default]\nallow_plain_http = \"yes\"\n"),
            refusal("[accounts.default]\ntoken_file = \"nowhere/token\"\n"),
            refusal("[accounts.default]\ntoken_file = \"t\"\ntoken_env = \"T\"\n"),
            refusal(
                "[accounts.a]\ninstances = [\"5ff89ff825013dc6c2856188\"]\n\
                 [accounts.b]\ninstances = [\"5ff89ff825013dc6c2856188\"]\n",
            ),
            refusal("[accounts.default\n"),
            refusal("[accounts.\"\"]\n"),
            refusal("[accounts.\"a.b\"]\nburst = 0\n"),
            refusal("[polling]\nexpire_after = \"500000000000years\"\n"),
            refusal("[accounts.default]\nrequest_timeout = \"500000000000years\"\n"),
            refusal("[accounts.default]\nbase_url = \"http://example.com\"\n"),
            refusal("[selection.orgs.include]\nnames = [\"Acme *\", \"[Acme\"]\n"),
            refusal("[selection.orgs.exclude]\nname_regexes = [\"acme(\"]\n"),
            refusal("[selection.orgs.include]\ntags = [\"=gold\"]\n"),
            refusal("[selection.sandboxes.include]\nids = [\"acme\"]\n"),
            refusal("[selection.sandboxes.include]\ntags = [\"tier\"]\n"),
            refusal("[selection.instances]\n"),
            refusal("[sharding]\nshards = 0\n"),
            refusal("[sharding]\nshards = 2\nshard = 2\n"),
            refusal("[sharding]\nshards = 2\nshard = -1\n"),
            refusal("[sharding]\nshards = 2\n"),
            Sandbox::new().refusal(&[]),
        ]
        .concat()
    );
}

#[test]
fn a_refusal_stays_on_one_line_whatever_an_account_is_called() {
    let refusal = |text: &str| Sandbox::new().config(text).refusal(&[TOKEN]);
    let unknown = refusal("[accounts.\"line\\nfeed\"]\nbust = 1\n");
    assert!(
        unknown.contains("config.toml: key accounts.line?feed.bust: there is no such key here"),
        "{unknown}"
    );
    let wrong = refusal("[accounts.\"\\u001b[2J\"]\nburst = 0\n");
    assert!(wrong.contains("config.toml: key accounts.?[2J.burst: "), "{wrong}");
}

#[test]
fn a_wrong_environment_variable_is_refused_by_its_name() {
    let refusal = |name: &str, value: &str| {
        Sandbox::new().config("[accounts.default]\n").refusal(&[TOKEN, (name, value)])
    };
    insta::assert_snapshot!(
        [
            refusal("LOSANT_EXPORTER__POLLING__SETTLE_DELAY", "soon"),
            refusal("LOSANT_EXPORTER__POLLING__SETTLE", "5m"),
            refusal("LOSANT_EXPORTER__ACCOUNTS__DEFAULT__TOKEN", "123456789"),
            refusal("LOSANT_EXPORTER__SELECTION__ORGS__INCLUDE__NAMES", "[\"[Acme\"]"),
            refusal("LOSANT_EXPORTER__SHARDING__SHARD", "1"),
            refusal("LOSANT_EXPORTER__SETTLE_DELAY", "5m"),
            refusal("LOSANT_EXPORTER_LOG_LEVEL", "debug"),
        ]
        .concat()
    );
}

#[test]
fn a_variable_that_kubernetes_sets_for_a_service_is_not_ours() {
    let sandbox = Sandbox::new().config("[accounts.default]\n");
    let variables = [
        TOKEN,
        ("LOSANT_EXPORTER_PORT", "tcp://10.0.0.1:10066"),
        ("LOSANT_EXPORTER_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(sandbox.run(&["check"], &variables).status.code(), Some(0));
}

#[test]
fn a_token_that_is_a_number_is_read_and_never_shown() {
    let sandbox = Sandbox::new().config("[accounts.default]\ntoken_env = \"TOKEN\"\n");
    let output = sandbox.run(&["check"], &[("TOKEN", "12345678901234567890")]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_token_in_a_wrong_place_is_not_repeated() {
    const MISTAKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl";
    for line in [
        format!("token_file = \"{MISTAKEN}\""),
        format!("token_env = \"{MISTAKEN}\""),
        format!("token = \"{MISTAKEN}\""),
        format!("instances = [\"{MISTAKEN}\"]"),
        format!("token_file = {MISTAKEN}"),
        format!("base_url = \"https://{MISTAKEN}@example.com\""),
    ] {
        let sandbox = Sandbox::new().config(&format!("[accounts.default]\n{line}\n"));
        let whole = format!("--config.file={}", sandbox.0.path().join("config.toml").display());
        for refusal in [sandbox.refusal(&[TOKEN]), sandbox.complaint(&["check", &whole], &[TOKEN])] {
            assert!(!refusal.contains("eyJzdWIi") && refusal.contains("config.toml"), "{refusal}");
        }
    }
    let without_account =
        Sandbox::new().config(&format!("[accounts]\ntoken = \"{MISTAKEN}\"\n")).refusal(&[TOKEN]);
    insta::assert_snapshot!(without_account, @"losant-exporter: config.toml: key accounts.token: expected a section, found a text");
    let variable = ("LOSANT_EXPORTER__ACCOUNTS__TOKEN", MISTAKEN);
    let in_variable = Sandbox::new().config("").refusal(&[TOKEN, variable]);
    insta::assert_snapshot!(in_variable, @"losant-exporter: environment variable LOSANT_EXPORTER__ACCOUNTS__TOKEN: key accounts.token: expected a section, found a text");
}

#[test]
fn paths_in_the_file_begin_in_its_folder_and_others_in_the_working_directory() {
    let sandbox = Sandbox::new();
    let write = |file: &str, text: &str| {
        let path = sandbox.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let file = "[web]\nconfig_file = \"web.yml\"\n[accounts.\"a.b\"]\ntoken_file = \"secrets/token\"\n";
    write("etc/config.toml", file);
    let web = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    write("etc/web.yml", web);
    write("etc/secrets/token", "a.secret.token");
    let check = ["check", "--config.file=etc/config.toml"];
    let output = sandbox.run(&check, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("token from file etc/secrets/token, "), "{said}");

    let variable = [("LOSANT_EXPORTER__WEB__CONFIG_FILE", "web.yml")];
    let complaint = sandbox.complaint(&check, &variable);
    assert!(complaint.contains("web configuration: web.yml: "), "{complaint}");
    let flag = [&check[..], &["--web.config.file=web.yml"]].concat();
    assert_eq!(sandbox.complaint(&flag, &[]), complaint);
    write("web.yml", web);
    assert_eq!(sandbox.run(&check, &variable).status.code(), Some(0));
    assert_eq!(sandbox.run(&flag, &[]).status.code(), Some(0));

    let absolute = sandbox.0.path().join("etc/secrets/token");
    write("other/config.toml", &format!("[accounts.default]\ntoken_file = \"{}\"\n", absolute.display()));
    assert_eq!(sandbox.run(&["check", "--config.file=other/config.toml"], &[]).status.code(), Some(0));
}

#[test]
fn a_token_in_the_environment_is_all_that_is_needed() {
    assert_eq!(Sandbox::new().run(&["check"], &[TOKEN]).status.code(), Some(0));
}

#[test]
fn wrong_flags_are_refused_by_their_name() {
    let first_line = |args: &[&str]| {
        let complaint = Sandbox::new().config("[accounts.default]\n").complaint(args, &[TOKEN]);
        format!("{}\n", complaint.lines().next().unwrap_or_default())
    };
    insta::assert_snapshot!(
        [
            first_line(&["--log.level=loud"]),
            first_line(&["--log.format=xml"]),
            first_line(&["--web.listen-address=nowhere"]),
            first_line(&["--web.telemetry-path=/-/ready"]),
            first_line(&["--web.telemtry-path=/metrics"]),
            first_line(&["--config.file=missing.toml"]),
            first_line(&["--log.level=info", "serve"]),
            first_line(&["demo", "--web.telemetry-path=metrics"]),
            first_line(&["--shard=-1"]),
            first_line(&["--shards=many"]),
            first_line(&["--shards=0"]),
            first_line(&["check", "--shard=3", "--shards=3"]),
            first_line(&["once", "--shards=3"]),
        ]
        .concat()
    );
}

#[test]
fn a_flag_that_contradicts_the_file_is_the_one_that_is_refused() {
    let sandbox = Sandbox::new().config("[sharding]\nshard = 1\nshards = 2\n");
    let complaints = [
        sandbox.complaint(&["check", "--shard=2"], &[TOKEN]),
        sandbox.complaint(&["check", "--shards=2000"], &[TOKEN]),
        // The number of the file is the one that is out of range.
        sandbox.complaint(&["check", "--shards=1"], &[TOKEN]),
    ];
    insta::assert_snapshot!(complaints.concat());
}

#[test]
fn a_pod_that_is_not_among_the_shards_is_refused() {
    let sandbox = Sandbox::new().config("[sharding]\nshards = 3\n");
    let complaint = |pod| sandbox.refusal(&[TOKEN, ("POD_NAME", pod)]);
    insta::assert_snapshot!([complaint("losant-exporter-3"), complaint("losant-exporter")].concat());
}

#[test]
fn check_says_which_part_is_polled() {
    let line = |text: &str, args: &[&str], variables: &[(&str, &str)]| {
        let output = Sandbox::new().config(text).run(args, &[&[TOKEN], variables].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        format!("{}\n", text.lines().last().unwrap_or_default())
    };
    let selection = "[selection.orgs.include]\nnames = [\"Acme *\"]\ntags = [\"tier\"]\n\
                     [selection.orgs.exclude]\nname_regexes = [\"test\"]\n";
    let sharding = "[sharding]\nshards = 3\n";
    insta::assert_snapshot!(
        [
            line(selection, &["check"], &[]),
            line(sharding, &["check"], &[("POD_NAME", "losant-exporter-2")]),
            line(sharding, &["check", "--shard=0"], &[("POD_NAME", "losant-exporter-2")]),
            line(
                &format!("{selection}[selection.sandboxes.exclude]\nnames = ['*@example.com']\n"),
                &["check", "--shard=1", "--shards=2"],
                &[]
            ),
        ]
        .concat()
    );
}

#[test]
fn check_says_what_is_switched_off_and_nothing_where_all_is_on() {
    let printed = |text: &str| {
        let output = Sandbox::new().config(text).run(&["check"], &[TOKEN]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(printed(""), [] as [&str; 0]);
    let off = "[polling]\ndisabled_collectors = [\"payload_bytes\", \"device_counts\"]\n";
    assert_eq!(printed(off), ["Not read: payload_bytes, device_counts."]);
    assert_eq!(printed("[exposition]\nsource_label = false\n"), ["Without the label source."]);
}

#[test]
fn an_unknown_collector_is_refused_with_those_that_can_be_disabled() {
    let sandbox = Sandbox::new().config("[polling]\ndisabled_collectors = [\"payloads\"]\n");
    let output = sandbox.run(&["check"], &[TOKEN]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("payload_counts, payload_bytes"), "{complaint}");
    assert!(!complaint.contains("discovery"), "{complaint}");
}

#[test]
fn output_that_is_lost_is_a_failure() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
        .args(["api", "--list"])
        .env_clear()
        .stdout(full)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[test]
fn a_port_in_use_is_refused_by_flag_and_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = taken.local_addr().expect("an address").to_string();
    let sandbox = Sandbox::new().config("[accounts.default]\n");
    for (args, flag) in [
        (vec!["serve"], "--web.listen-address"),
        (vec!["demo", "--simulator.listen-address=127.0.0.1:0"], "--web.listen-address"),
        (vec!["simulate"], "--simulator.listen-address"),
    ] {
        let flagged = format!("{flag}={address}");
        let complaint = sandbox.complaint(&[args.clone(), vec![&flagged]].concat(), &[TOKEN]);
        // The log of `serve` may stand before it.
        let last = complaint.lines().last().unwrap_or_default();
        assert!(last.contains(flag) && last.contains(&address), "{complaint}");
        assert_eq!(last.matches("in use").count(), 1, "{complaint}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let sandbox = Sandbox::new()
        .config("[log]\nlevel = \"info\"\n[polling]\nsettle_delay = \"file\"\n[accounts.default]\n");
    let variable = ("LOSANT_EXPORTER__POLLING__SETTLE_DELAY", "variable");
    assert!(sandbox.refusal(&[TOKEN]).contains("\"file\""));
    assert!(sandbox.refusal(&[TOKEN, variable]).contains("\"variable\""));
    // A flag wins over a variable: the port of the variable is taken, the one of the flag is the one complained of.
    let taken = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("a loopback port"));
    let [of_variable, of_flag] =
        taken.each_ref().map(|taken| taken.local_addr().expect("an address").to_string());
    let variable = ("LOSANT_EXPORTER__WEB__LISTEN_ADDRESSES", format!("[\"{of_variable}\"]"));
    let variables = [TOKEN, (variable.0, variable.1.as_str())];
    let sandbox = Sandbox::new().config("[accounts.default]\n");
    assert!(sandbox.complaint(&[], &variables).contains(&of_variable));
    let complaint = sandbox.complaint(&["--web.listen-address", &of_flag], &variables);
    assert!(complaint.contains(&of_flag) && !complaint.contains(&of_variable), "{complaint}");
}

#[test]
fn help_says_what_everything_is() {
    let help = |args: &[&str]| {
        let output = Sandbox::new().run(args, &[("COLUMNS", "100")]);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_demo", help(&["demo", "--help"]));
    insta::assert_snapshot!("help_rules", help(&["rules", "--help"]));
    assert_eq!(help(&["--version"]), format!("losant-exporter {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_reference_configuration_is_one_that_starts() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let flag = format!("--config.file={}", reference.display());
    assert_eq!(Sandbox::new().run(&["check", &flag], &[TOKEN]).status.code(), Some(0));
}
