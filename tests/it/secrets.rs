//! Secrets reach no log, no metric, no page, no error and no process list: the real program is asked for everything that it says,
//! at its most talkative, and all of it is searched.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use losant_exporter::clock::Clock;
use losant_exporter::simulator::{World, WorldConfig};
use reqwest::Method;

use crate::test_app::{SimulatorTasks, http, start_simulator, within_patience};

const USER: &str = "prometheus";
const PASSWORD: &str = "correct-horse-battery-staple";
/// A token that Losant does not know.
const REFUSED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub2JvZHktc2hvdWxkLXNlZS10aGlzIn0.c2lnbmF0dXJl";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything that was said, and by whom.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, who: &str, words: impl Into<String>) {
        self.0.push((who.to_owned(), words.into()));
    }

    /// Runs a command of the program to its end.
    fn run(&mut self, folder: &Path, args: &[&str]) {
        let output = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
            .args(args)
            .current_dir(folder)
            .env_clear()
            .output()
            .expect("it runs");
        let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(!words.concat().is_empty(), "{args:?} says nothing");
        self.add(&args.join(" "), words.concat());
    }

    fn assert_without(&self, secrets: &[String]) {
        assert!(secrets.iter().all(|secret| secret.len() >= 10), "{secrets:?}");
        for (who, words) in &self.0 {
            for secret in secrets {
                assert!(!words.contains(secret.as_str()), "{secret} in what {who} says: {words}");
            }
        }
    }

    fn words_of(&self, who: &str) -> &str {
        &self.0.iter().find(|(one, _)| one == who).unwrap_or_else(|| panic!("{who} was not asked")).1
    }
}

/// What is searched for. Each part of a token by itself, since one could be printed alone; but for its first, which all tokens have in
/// common.
fn secrets(token: &str, hash: &str) -> Vec<String> {
    let parts = [token, REFUSED].into_iter().flat_map(|token| token.split('.').skip(1)).map(str::to_owned);
    let of_user = [
        PASSWORD.to_owned(),
        hash.to_owned(),
        hash.rsplit('$').next().expect("its end").to_owned(),
        STANDARD.encode(format!("{USER}:{PASSWORD}")),
    ];
    parts.chain(of_user).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_passwords_are_in_nothing_that_the_program_says() {
    let mut tasks = SimulatorTasks::new();
    let world = World::new(WorldConfig { orgs: 2, sandboxes: 1, ..WorldConfig::default() });
    let (simulator, losant) = start_simulator(world, &Clock::system(), &mut tasks).await;
    let instance = simulator.world().instances()[0].id();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
    let config = |token: &str, more: &str| {
        format!(
            "[web]\nlisten_addresses = [\"127.0.0.1:0\"]\nconfig_file = \"web.yml\"\nenable_lifecycle = true\n[log]\nlevel = \"trace\"\n\
             {more}[accounts.default]\ntoken_file = \"{token}\"\ninstances = [\"{instance}\"]\nbase_url = \"{losant}\"\n\
             requests_per_second = 1000\nburst = 1000\n"
        )
    };
    write("token", simulator.token());
    write("refused", REFUSED);
    write("web.yml", &format!("basic_auth_users:\n  {USER}: {hash}\n"));
    write("config.toml", &config("token", ""));
    write("other.toml", &config("refused", ""));
    let log = fs::File::create(folder.path().join("log")).expect("a file");
    let child = Command::new(env!("CARGO_BIN_EXE_losant-exporter"))
        .args(["serve", "--config.file=config.toml"])
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::from(log.try_clone().expect("a handle")))
        .stderr(Stdio::from(log))
        .spawn()
        .expect("it starts");
    let mut running = Running(child);
    let logged = || fs::read_to_string(folder.path().join("log")).expect("the log");
    let address = within_patience("it listens", async {
        loop {
            let listening = logged();
            let line = listening.lines().find(|line| line.contains("message=listening"));
            if let Some(address) = line.and_then(|line| line.split("address=").nth(1)) {
                break address.split(' ').next().expect("an address").trim_matches('"').to_owned();
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let ask = async |method: Method, path: &str, password: Option<&str>, body: &'static str| {
        let request = http().request(method, format!("http://{address}{path}")).body(body);
        let request = match password {
            Some(password) => request.basic_auth(USER, Some(password)),
            None => request,
        };
        let answer = within_patience("an answer", request.send()).await.expect("an answer");
        let head = format!("{} {:?}\n", answer.status(), answer.headers());
        head + &answer.text().await.expect("a body")
    };
    within_patience("everything is polled", async {
        while !ask(Method::GET, "/-/ready", Some(PASSWORD), "").await.starts_with("200") {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let mut said = Said::default();
    for path in
        ["/", "/status.json", "/config", "/metrics", "/-/ready", "/-/healthy", "/nowhere", "/?sort=nothing"]
    {
        said.add(path, ask(Method::GET, path, Some(PASSWORD), "").await);
    }
    said.add("without a password", ask(Method::GET, "/config", None, "").await);
    said.add("with a wrong password", ask(Method::GET, "/config", Some("wrong"), "").await);
    write("config.toml", &config("token", "[nothing]\n"));
    said.add("a broken reload", ask(Method::POST, "/-/reload", Some(PASSWORD), "").await);
    write("config.toml", &config("refused", ""));
    said.add("another token", ask(Method::POST, "/-/reload", Some(PASSWORD), "").await);
    within_patience("Losant refuses the token", async {
        while !logged().contains("level=error") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    said.add("a refused token", ask(Method::GET, "/status.json", Some(PASSWORD), "").await);
    said.add("a wrong level", ask(Method::PUT, "/-/log-level", Some(PASSWORD), "everything").await);
    let listed = fs::read(format!("/proc/{}/cmdline", running.0.id())).expect("the process list");
    said.add("the process list", String::from_utf8_lossy(&listed));
    running.0.kill().expect("it is there");
    running.0.wait().expect("it ends");
    said.add("the log", logged());
    for args in [
        &["check", "--online", "--config.file=other.toml"][..],
        &["once", "--config.file=other.toml"],
        &["api", "instanceOrgs.get", "--dry-run", "--config.file=config.toml"],
        &["api", "instanceOrgs.get", "--config.file=other.toml"],
        &["backfill", "--from=-2d", "--output=h.om", "--config.file=other.toml"],
        &["rules", "--check", "--config.file=other.toml"],
    ] {
        said.run(folder.path(), args);
    }

    // They were talkative, and knew what they keep to themselves.
    assert!(said.words_of("/config").contains("token_file"), "{}", said.words_of("/config"));
    assert!(said.words_of("/metrics").contains("losant_org_payloads_period"));
    assert!(said.words_of("the log").contains("level=debug"), "{}", said.words_of("the log"));
    assert!(said.words_of("with a wrong password").starts_with("401"));
    said.assert_without(&secrets(simulator.token(), &hash));
}
