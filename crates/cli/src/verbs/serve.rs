//! `museau serve`, `museau demo`, and museau without a verb: the pages and the API.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::prior::PriorArguments;
use crate::{memory, model};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use classify::Explainer;
use data::Dataset;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use web::apps::{self, App};
use web::{Model, Options, Recognise, ServeError, ServerEvent};
use words::{DataMessage, FileMessage, Language, PageMessage, Say};

/// Options of `museau serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub listen: String,
    /// A model: file, run folder, listed name, or `default` [default: the embedded model]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub prior: PriorArguments,
    /// Serve the test page too, on this data set, under /demo
    #[arg(long, value_name = "FOLDER")]
    pub demo: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// Options of `museau demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// The data set: a folder with one folder per class, or the Stanford Dogs folder (Images/ and lists/)
    #[arg(value_name = "FOLDER")]
    pub dataset: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    pub listen: String,
    /// A model: file, run folder, listed name, or `default` [default: the embedded model]
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub prior: PriorArguments,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// Serves the association's page, and the test page where a data set is named.
pub fn serve(context: &Context, arguments: &ServeArguments) -> Result<()> {
    let mut apps = vec![apps::classify()];
    if let Some(folder) = &arguments.demo {
        apps.push(apps::demo(dataset(context, folder)?));
    }
    let (model, listen) = (arguments.model.as_deref(), &arguments.listen);
    with_model(
        context,
        (model, &arguments.prior),
        listen,
        arguments.open,
        apps,
    )
}

/// Serves the test page alone.
pub fn demo(context: &Context, arguments: &DemoArguments) -> Result<()> {
    let apps = vec![apps::demo(dataset(context, &arguments.dataset)?)];
    let (model, listen) = (arguments.model.as_deref(), &arguments.listen);
    with_model(
        context,
        (model, &arguments.prior),
        listen,
        arguments.open,
        apps,
    )
}

/// Serves apps that answer photos, by a model that has answered once.
fn with_model(
    context: &Context,
    (named, prior): (Option<&Path>, &PriorArguments),
    listen: &str,
    in_browser: bool,
    apps: Vec<App>,
) -> Result<()> {
    let classifier = model::open(context, named, prior)?;
    let path = model::find(context, named)?;
    let options = model::options(context, context.threads);
    let labels = classifier.about().labels.clone();
    let open_explainer = move || {
        let package = model::package(path.as_deref())?;
        ensure!(
            package.about.labels == labels,
            "the model's file is another now"
        );
        Ok(Explainer::from_package(package, &options)?)
    };
    let model = Model::new(classifier, Box::new(open_explainer), context.threads)
        .map_err(|error| model::unanswered(context, named, &error))?;
    run(context, listen, in_browser, apps, Some(model))
}

fn dataset(context: &Context, folder: &Path) -> Result<Dataset> {
    let dataset = Dataset::open(folder)
        .map_err(|error| Failure::error(Status::Unusable, error.message(context.language)))?;
    let left = dataset.left_aside().iter();
    let missing = left.filter(|left| left.reason.leaves_out()).count();
    if missing > 0 && !context.quiet {
        let count = missing.to_string();
        eprintln!("{}", context.say(DataMessage::Missing { count: &count }));
    }
    Ok(dataset)
}

/// Serves these apps until the process is asked to stop; says where, and why not where it could not.
pub fn run(
    context: &Context,
    listen: &str,
    in_browser: bool,
    apps: Vec<App>,
    model: Option<Model>,
) -> Result<()> {
    host(context, listen)?;
    let model = model.map(|model| Arc::new(model) as Arc<dyn Recognise>);
    let mut options = Options::new(apps, model);
    // Without a word of the visitor's browser the page is French, as the shelters are.
    options.language = context.wanted_language.unwrap_or_default();
    options.compute_threads = context.threads;
    memory::give_back_when_idle();
    let tell = |event| tell(context, in_browser, event);
    web::serve(listen, options, tell).map_err(|error| {
        let text = match &error {
            ServeError::PortInUse { address } => {
                context.say(PageMessage::ServerPortInUse { address })
            }
            ServeError::CannotListen { address, source } => {
                let reason = source.message(context.language);
                context.say(PageMessage::ServerCannotListen {
                    address,
                    reason: &reason,
                })
            }
            ServeError::Start(cause) => context.say(PageMessage::ServerCannotStart {
                reason: &start_reason(context.language, cause),
            }),
        };
        Failure::error(Status::Failed, text)
    })
}

/// Says what happens to the server; opens its page in the browser where that is wanted.
fn tell(context: &Context, in_browser: bool, event: ServerEvent) {
    let listening = match event {
        ServerEvent::Ready(listening) => listening,
        ServerEvent::Stopping if context.quiet => return,
        ServerEvent::Stopping => {
            // A terminal that is gone is no reason to cut off the requests under way.
            let said = context.say(PageMessage::ServerStopping);
            let _ = writeln!(crate::terminal::stderr(), "{said}");
            return;
        }
    };
    let address = &format!("http://{}", address_here(listening));
    if !context.quiet {
        eprintln!("{}", context.say(PageMessage::ServerReady { address }));
        if let Some(there) = address_there(listening) {
            let address = &format!("http://{there}");
            eprintln!(
                "{}",
                context.say(PageMessage::ServerReadyNetwork { address })
            );
        }
    }
    if in_browser && let Err(error) = open_browser(address) {
        eprintln!("{error:#}");
    }
}

/// The address of an `ADDRESS:PORT`, without the brackets of IPv6; refuses what is none.
pub fn host<'a>(context: &Context, address: &'a str) -> Result<&'a str> {
    let host = address.rsplit_once(':').and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = host.parse::<IpAddr>().is_ok() || !host.contains([':', '/']);
        (!host.is_empty() && is_host && port.parse::<u16>().is_ok()).then_some(host)
    });
    host.ok_or_else(|| {
        let said = context.say(PageMessage::ServerNotAnAddress { address });
        Failure::error(Status::Usage, said)
    })
}

/// The address for a browser on this machine: one that listens everywhere (`0.0.0.0`) is none.
fn address_here(listening: SocketAddr) -> SocketAddr {
    match listening {
        _ if !listening.ip().is_unspecified() => listening,
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, listening.port()).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, listening.port()).into(),
    }
}

/// The address for other machines of the network, where museau listens everywhere and there is a
/// network.
fn address_there(listening: SocketAddr) -> Option<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return None;
    }
    // Addresses kept for examples in texts (RFC 5737, RFC 3849): no machine has them.
    let elsewhere: IpAddr = match listening {
        SocketAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
        SocketAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    // Nothing is sent: the system only chooses the address that it would send from.
    let socket = UdpSocket::bind((listening.ip(), 0)).ok()?;
    socket.connect((elsewhere, 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback()).then_some((own, listening.port()).into())
}

/// Why the server could not be started: the system's refusal in the person's language, else what the
/// program says.
fn start_reason(language: Language, cause: &anyhow::Error) -> String {
    match cause.root_cause().downcast_ref::<std::io::Error>() {
        Some(error) => error.message(language),
        None => FileMessage::ReasonOther {
            detail: &format!("{cause:#}"),
        }
        .text(language),
    }
}

/// Opens the page with the platform's own opener.
fn open_browser(address: &str) -> Result<()> {
    let program = if cfg!(target_os = "windows") {
        "explorer"
    } else if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    std::process::Command::new(program)
        .arg(address)
        .spawn()
        .with_context(|| format!("{program} {address}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_listens_everywhere_is_not_told() {
        let everywhere: SocketAddr = "0.0.0.0:8000".parse().unwrap();
        assert_eq!(address_here(everywhere).to_string(), "127.0.0.1:8000");
        let everywhere: SocketAddr = "[::]:81".parse().unwrap();
        assert_eq!(address_here(everywhere).to_string(), "[::1]:81");
        assert!(address_there(everywhere).is_none_or(|there| !there.ip().is_unspecified()));
        let one: SocketAddr = "192.168.1.5:8000".parse().unwrap();
        assert_eq!((address_here(one), address_there(one)), (one, None));
    }

    #[test]
    fn why_nothing_is_served_is_said_in_the_persons_language() {
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let refused = anyhow::Error::from(refused).context("signals");
        assert_eq!(
            start_reason(Language::French, &refused),
            "l’accès est refusé"
        );
        let other = start_reason(Language::French, &anyhow::anyhow!("no thread"));
        assert!(other.contains("le système répond") && other.contains("no thread"));
    }
}
