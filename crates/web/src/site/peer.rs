//! Who sent a request.
use std::net::IpAddr;

/// Who sends: an address, or of IPv6 the network of one subscriber (64 bits); `None` where uploads
/// come without a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sender(Option<IpAddr>);

impl Sender {
    pub(crate) fn new(address: Option<IpAddr>) -> Self {
        Sender(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
            v4 => v4,
        }))
    }
}

/// Who sent a request, as an extension of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer(pub(crate) Sender);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_sender() {
        let sender = |text: &str| Sender::new(Some(text.parse().unwrap()));
        assert_eq!(sender("2001:db8:1:2:3::4"), sender("2001:db8:1:2:ffff::1"));
        assert_ne!(sender("2001:db8:1:2::1"), sender("2001:db8:1:3::1"));
        assert_eq!(sender("::ffff:192.0.2.1"), sender("192.0.2.1"));
    }
}
