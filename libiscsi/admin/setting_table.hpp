#pragma once

#include "libiscsi/admin/setting.hpp"

#include <array>

// The settings table. It is a header so that a key in the source of a program is looked up while
// that source is compiled (setting_key.hpp); whoever has a name only at run time asks
// find_setting().
namespace iscsi::admin {

// ---- how a row is written ----
namespace rows {

// What an integer may be, both ends included, and what it counts.
struct range {
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::string_view unit;
};

using enum setting_group;
using words = std::string_view;

inline constexpr range u8{0, 255, ""};
inline constexpr range u16{0, 65535, ""};
inline constexpr range u32{0, 4294967295, ""};
inline constexpr range port_number{0, 65535, ""};
inline constexpr range seconds{0, 2147483647, "s"};
// Where a value below zero means "for ever".
inline constexpr range any_seconds{-2147483648, 2147483647, "s"};
inline constexpr range burst{512, 16777215, "bytes"}; // RFC 7143 §13.13, §13.14
// Choices are joined by bars: commas are part of some of them.
inline constexpr words auth_methods = "None|CHAP";
inline constexpr words startups = "manual|automatic|onboot";
inline constexpr words digests = "None|CRC32C|CRC32C,None|None,CRC32C";
inline constexpr words sources = "send_targets|isns|offload_send_targets|slp|static|fw";

constexpr setting
row(setting_group group, words name, setting_type type, words fallback, words meaning) {
    setting made;
    made.name = name;
    made.group = group;
    made.type = type;
    made.fallback = fallback;
    made.meaning = meaning;
    return made;
}

constexpr setting
// The length is that of open-iscsi's structures, which older tools read the file into.
text(setting_group group, words name, words fallback, words meaning, std::int64_t longest = 255) {
    auto made = row(group, name, setting_type::text, fallback, meaning);
    made.high = longest;
    return made;
}

constexpr setting
integer(setting_group group, words name, words fallback, range in, words meaning) {
    auto made = row(group, name, setting_type::integer, fallback, meaning);
    made.low = in.low;
    made.high = in.high;
    made.unit = in.unit;
    return made;
}

constexpr setting
choice(setting_group group, words name, words fallback, words choices, words meaning) {
    auto made = row(group, name, setting_type::choice, fallback, meaning);
    made.choices = choices;
    return made;
}

constexpr setting boolean(setting_group group, words name, words fallback, words meaning) {
    auto made = choice(group, name, fallback, "Yes|No", meaning);
    made.type = setting_type::boolean;
    return made;
}

// One row for node records and one for send_targets, under the same name: so it is in the files.
constexpr setting chap_algorithms(setting_group group) {
    auto made = choice(
        group,
        "node.session.auth.chap_algs",
        "MD5",
        "MD5|SHA1|SHA256|SHA3-256",
        "CHAP digests to offer, best first, separated by commas."
    );
    made.type = setting_type::list;
    return made;
}

// A key of the record that selects it: users cannot change it.
constexpr setting fixed(setting made) {
    made.writable = false;
    return made;
}

// Never shown without -S, never in a fault, never on the socket.
constexpr setting secret(setting made) {
    made.masked = true;
    return made;
}

constexpr setting offers(words login_key, setting made) {
    made.login_key = login_key;
    return made;
}

// Printed only for interfaces of that family, or when it was changed.
constexpr setting of(address_family family, setting made) {
    made.family = family;
    return made;
}

constexpr setting ipv4(setting made) {
    return of(address_family::ipv4, made);
}

constexpr setting ipv6(setting made) {
    return of(address_family::ipv6, made);
}

// A key that open-iscsi does not have: records that do not use it are as that program writes them.
constexpr setting sparse(setting made) {
    made.sparse = true;
    return made;
}

// An interface setting that only adapters with their own TCP/IP use: kept, never looked at.
constexpr setting kept(words name, words meaning) {
    return text(interface, name, "", meaning);
}

constexpr setting kept(words name, range in, words meaning) {
    return integer(interface, name, "0", in, meaning);
}

// ---- the table, in the order in which records print it ----

// clang-format off
inline constexpr std::array table{
    // node: who it is
    fixed(text(node, "node.name", "", "iSCSI name of the target.", 223)),
    fixed(integer(node, "node.tpgt", "-1", {-1, 65535, ""}, "Portal group tag; -1: not known.")),
    choice(node, "node.startup", "manual", startups, "Who logs in: automatic at boot, onboot for the root disk, manual otherwise."),
    boolean(node, "node.leading_login", "No", "With automatic startup: one session per target, whichever portal answers first."),

    // interface: where sessions start
    fixed(text(interface, "iface.iscsi_ifacename", "default", "Name of the interface record.", 64)),
    text(interface, "iface.net_ifacename", "", "Network device to bind to.", 15),
    text(interface, "iface.ipaddress", "", "Kept for open-iscsi; never applied."),
    kept("iface.prefix_len", u8, "Length of the network prefix, for offload adapters."),
    text(interface, "iface.hwaddress", "", "Hardware address of the network device to bind to."),
    text(interface, "iface.transport_name", "tcp", "Transport: tcp; others belong to offload adapters."),
    text(interface, "iface.initiatorname", "", "Initiator name of this interface, instead of the one in initiatorname.iscsi.", 223),
    kept("iface.state", "Interface state, for offload adapters: enable or disable."),
    kept("iface.vlan_id", u16, "VLAN, for offload adapters."),
    kept("iface.vlan_priority", u8, "VLAN priority, for offload adapters."),
    kept("iface.vlan_state", "VLAN state, for offload adapters: enable or disable."),
    kept("iface.iface_num", {-2147483648, 2147483647, ""}, "Interface number, for offload adapters."),
    kept("iface.mtu", u16, "MTU, for offload adapters."),
    kept("iface.port", u16, "Port of the adapter, for offload adapters."),
    ipv4(kept("iface.bootproto", "How the address is found, for offload adapters: static or dhcp.")),
    ipv4(kept("iface.subnet_mask", "Subnet mask, for offload adapters.")),
    ipv4(kept("iface.gateway", "Gateway, for offload adapters.")),
    ipv4(kept("iface.dhcp_alt_client_id_state", "Alternate DHCP client ID in use, for offload adapters.")),
    ipv4(kept("iface.dhcp_alt_client_id", "Alternate DHCP client ID, for offload adapters.")),
    ipv4(kept("iface.dhcp_dns", "DNS servers from DHCP, for offload adapters.")),
    ipv4(kept("iface.dhcp_learn_iqn", "Initiator name from DHCP, for offload adapters.")),
    ipv4(kept("iface.dhcp_req_vendor_id_state", "DHCP vendor ID required, for offload adapters.")),
    ipv4(kept("iface.dhcp_vendor_id_state", "DHCP vendor ID sent, for offload adapters.")),
    ipv4(kept("iface.dhcp_vendor_id", "DHCP vendor ID, for offload adapters.")),
    ipv4(kept("iface.dhcp_slp_da", "SLP agent from DHCP, for offload adapters.")),
    ipv4(kept("iface.fragmentation", "IP fragmentation, for offload adapters.")),
    ipv4(kept("iface.gratuitous_arp", "Gratuitous ARP, for offload adapters.")),
    ipv4(kept("iface.incoming_forwarding", "Forwarding of incoming packets, for offload adapters.")),
    ipv4(kept("iface.tos_state", "Type of service in use, for offload adapters.")),
    ipv4(kept("iface.tos", u8, "Type of service, for offload adapters.")),
    ipv4(kept("iface.ttl", u8, "Time to live, for offload adapters.")),
    ipv6(kept("iface.ipv6_autocfg", "IPv6 address configuration, for offload adapters.")),
    ipv6(kept("iface.linklocal_autocfg", "Link-local address configuration, for offload adapters.")),
    ipv6(kept("iface.router_autocfg", "Router configuration, for offload adapters.")),
    ipv6(kept("iface.ipv6_linklocal", "Link-local address, for offload adapters.")),
    ipv6(kept("iface.ipv6_router", "Router address, for offload adapters.")),
    ipv6(kept("iface.dup_addr_detect_cnt", u8, "Duplicate address probes, for offload adapters.")),
    ipv6(kept("iface.flow_label", u32, "Flow label, for offload adapters.")),
    ipv6(kept("iface.gratuitous_neighbor_adv", "Gratuitous neighbor advertisement, for offload adapters.")),
    ipv6(kept("iface.hop_limit", u8, "Hop limit, for offload adapters.")),
    ipv6(kept("iface.mld", "Multicast listener discovery, for offload adapters.")),
    ipv6(kept("iface.nd_reachable_tmo", u32, "Neighbor reachable time, for offload adapters.")),
    ipv6(kept("iface.nd_rexmit_time", u32, "Neighbor retransmit time, for offload adapters.")),
    ipv6(kept("iface.nd_stale_tmo", u32, "Neighbor stale time, for offload adapters.")),
    ipv6(kept("iface.router_adv_link_mtu", u32, "Link MTU from router advertisements, for offload adapters.")),
    ipv6(kept("iface.traffic_class", u8, "Traffic class, for offload adapters.")),
    kept("iface.delayed_ack", "Delayed TCP ACK, for offload adapters."),
    kept("iface.tcp_nagle", "Nagle algorithm, for offload adapters."),
    kept("iface.tcp_wsf_state", "TCP window scaling, for offload adapters."),
    kept("iface.tcp_wsf", u8, "TCP window scale factor, for offload adapters."),
    kept("iface.tcp_timer_scale", u8, "TCP timer scale, for offload adapters."),
    kept("iface.tcp_timestamp", "TCP timestamps, for offload adapters."),
    kept("iface.redirect", "ICMP redirects, for offload adapters."),
    kept("iface.def_task_mgmt_timeout", u16, "Task management timeout, for offload adapters."),
    kept("iface.header_digest", "Header digest, for offload adapters."),
    kept("iface.data_digest", "Data digest, for offload adapters."),
    kept("iface.immediate_data", "ImmediateData, for offload adapters."),
    kept("iface.initial_r2t", "InitialR2T, for offload adapters."),
    kept("iface.data_seq_inorder", "DataSequenceInOrder, for offload adapters."),
    kept("iface.data_pdu_inorder", "DataPDUInOrder, for offload adapters."),
    kept("iface.erl", u8, "ErrorRecoveryLevel, for offload adapters."),
    kept("iface.max_receive_data_len", u32, "MaxRecvDataSegmentLength, for offload adapters."),
    kept("iface.first_burst_len", u32, "FirstBurstLength, for offload adapters."),
    kept("iface.max_outstanding_r2t", u16, "MaxOutstandingR2T, for offload adapters."),
    kept("iface.max_burst_len", u32, "MaxBurstLength, for offload adapters."),
    kept("iface.chap_auth", "CHAP, for offload adapters."),
    kept("iface.bidi_chap", "Mutual CHAP, for offload adapters."),
    kept("iface.strict_login_compliance", "Strict login, for offload adapters."),
    kept("iface.discovery_auth", "CHAP in discovery sessions, for offload adapters."),
    kept("iface.discovery_logout", "Logout after discovery, for offload adapters."),

    // node: where the record came from
    fixed(text(node, "node.discovery_address", "", "Portal that named this target.")),
    fixed(integer(node, "node.discovery_port", "0", port_number, "TCP port of that portal.")),
    fixed(choice(node, "node.discovery_type", "static", sources, "How the target was found.")),

    // node: the session
    integer(node, "node.session.initial_cmdsn", "0", u32, "First CmdSN of a session."),
    integer(node, "node.session.initial_login_retry_max", "4", {0, 2147483647, ""}, "A first login is tried until this number times login_timeout has passed."),
    integer(node, "node.session.xmit_thread_priority", "-20", {-20, 19, ""}, "Kept for open-iscsi; there is no such thread here."),
    integer(node, "node.session.cmds_max", "128", {2, 2048, "commands"}, "Commands in flight per session; open-iscsi wants a power of two."),
    integer(node, "node.session.queue_depth", "32", {1, 1024, "commands"}, "Commands in flight per logical unit; TASK SET FULL lowers it for a while."),
    integer(node, "node.session.nr_sessions", "1", {1, 255, "sessions"}, "Sessions that a login makes of this record."),
    choice(node, "node.session.auth.authmethod", "None", auth_methods, "Kept for open-iscsi; CHAP is used as soon as a password is set."),
    text(node, "node.session.auth.username", "", "CHAP name of the initiator."),
    secret(text(node, "node.session.auth.password", "", "CHAP secret of the initiator.")),
    sparse(text(node, "node.session.auth.password_file", "", "Where the CHAP secret of the initiator is, instead of node.session.auth.password: an absolute path, or without a slash the name of a credential of systemd.")),
    text(node, "node.session.auth.username_in", "", "CHAP name of the target, for mutual CHAP."),
    secret(text(node, "node.session.auth.password_in", "", "CHAP secret of the target, for mutual CHAP.")),
    sparse(text(node, "node.session.auth.password_in_file", "", "Where the CHAP secret of the target is, instead of node.session.auth.password_in.")),
    chap_algorithms(node),
    integer(node, "node.session.timeo.replacement_timeout", "120", any_seconds, "How long I/O waits for a lost session; 0: fail at once, below 0: wait for ever."),
    integer(node, "node.session.err_timeo.abort_timeout", "15", seconds, "How long to wait for the answer to ABORT TASK."),
    integer(node, "node.session.err_timeo.lu_reset_timeout", "30", seconds, "How long to wait for the answer to LOGICAL UNIT RESET."),
    integer(node, "node.session.err_timeo.tgt_reset_timeout", "30", seconds, "How long to wait for the answer to TARGET WARM RESET."),
    integer(node, "node.session.err_timeo.host_reset_timeout", "60", seconds, "Kept for open-iscsi; never applied."),
    boolean(node, "node.session.iscsi.FastAbort", "Yes", "Stop sending data of tasks that are being aborted."),
    offers("InitialR2T", boolean(node, "node.session.iscsi.InitialR2T", "No", "Wait for a R2T before sending data that is not immediate.")),
    offers("ImmediateData", boolean(node, "node.session.iscsi.ImmediateData", "Yes", "Send data together with the command.")),
    offers("FirstBurstLength", integer(node, "node.session.iscsi.FirstBurstLength", "262144", burst, "Most data of a command that is sent without a R2T.")),
    offers("MaxBurstLength", integer(node, "node.session.iscsi.MaxBurstLength", "16776192", burst, "Most data of one Data-In or R2T sequence.")),
    offers("DefaultTime2Retain", integer(node, "node.session.iscsi.DefaultTime2Retain", "0", {0, 3600, "s"}, "How long the target keeps tasks after a connection is lost.")),
    offers("DefaultTime2Wait", integer(node, "node.session.iscsi.DefaultTime2Wait", "2", {0, 3600, "s"}, "How long to wait before a lost session is logged in again.")),
    offers("MaxConnections", integer(node, "node.session.iscsi.MaxConnections", "1", {1, 65535, "connections"}, "Connections per session; more than 1 is not used.")),
    offers("MaxOutstandingR2T", integer(node, "node.session.iscsi.MaxOutstandingR2T", "1", {1, 65535, "R2Ts"}, "Unanswered R2Ts per command.")),
    offers("ErrorRecoveryLevel", integer(node, "node.session.iscsi.ERL", "0", {0, 2, ""}, "Error recovery level; more than 0 is not used.")),
    choice(node, "node.session.scan", "auto", "auto|manual", "auto: attach every logical unit at login."),
    integer(node, "node.session.reopen_max", "0", {0, 2147483647, ""}, "Reconnects of a lost session before it is given up; 0: no limit."),

    // node: its connection
    fixed(text(node, "node.conn[0].address", "", "Address or host name of the portal.")),
    fixed(integer(node, "node.conn[0].port", "3260", port_number, "TCP port of the portal.")),
    choice(node, "node.conn[0].startup", "manual", startups, "As node.startup; either one that matches is enough."),
    integer(node, "node.conn[0].tcp.window_size", "524288", {0, 2147483647, "bytes"}, "Size of the socket buffers."),
    integer(node, "node.conn[0].tcp.type_of_service", "0", u8, "Kept for open-iscsi; never applied."),
    integer(node, "node.conn[0].timeo.logout_timeout", "15", seconds, "How long a logout may last, with the last flush of its disks and the answer of the target; 0: the default."),
    integer(node, "node.conn[0].timeo.login_timeout", "30", seconds, "How long one try of a login may last; 0: the default."),
    integer(node, "node.conn[0].timeo.auth_timeout", "45", seconds, "Kept for open-iscsi; login_timeout covers authentication."),
    integer(node, "node.conn[0].timeo.noop_out_interval", "5", seconds, "A connection this long idle is probed with a NOP-Out; 0 here and below: never."),
    integer(node, "node.conn[0].timeo.noop_out_timeout", "5", seconds, "A connection that leaves a NOP-Out unanswered this long is lost."),
    integer(node, "node.conn[0].iscsi.MaxXmitDataSegmentLength", "0", {0, 16777215, "bytes"}, "Largest data segment to send; 0: what the target declares."),
    offers("MaxRecvDataSegmentLength", integer(node, "node.conn[0].iscsi.MaxRecvDataSegmentLength", "262144", burst, "Largest data segment to receive.")),
    offers("HeaderDigest", choice(node, "node.conn[0].iscsi.HeaderDigest", "None", digests, "CRC32C over headers; with two words the target chooses.")),
    offers("DataDigest", choice(node, "node.conn[0].iscsi.DataDigest", "None", digests, "CRC32C over data; with two words the target chooses.")),
    boolean(node, "node.conn[0].iscsi.IFMarker", "No", "Kept for open-iscsi; markers are obsolete."),
    boolean(node, "node.conn[0].iscsi.OFMarker", "No", "Kept for open-iscsi; markers are obsolete."),

    // send_targets
    choice(discovery, "discovery.startup", "manual", "manual|automatic", "Kept for open-iscsi; never applied."),
    fixed(choice(discovery, "discovery.type", "sendtargets", "sendtargets|isns|offload_send_targets|slp|static|fw", "Who is asked: a portal or an iSNS server; the other words are open-iscsi's.")),
    fixed(text(discovery, "discovery.sendtargets.address", "", "Address or host name of the portal to ask, or of the iSNS server.")),
    fixed(integer(discovery, "discovery.sendtargets.port", "3260", port_number, "TCP port of the portal to ask, or of the iSNS server.")),
    choice(send_targets, "discovery.sendtargets.auth.authmethod", "None", auth_methods, "As node.session.auth.authmethod, for discovery sessions."),
    text(send_targets, "discovery.sendtargets.auth.username", "", "CHAP name of the initiator in discovery sessions."),
    secret(text(send_targets, "discovery.sendtargets.auth.password", "", "CHAP secret of the initiator in discovery sessions.")),
    sparse(text(send_targets, "discovery.sendtargets.auth.password_file", "", "Where the CHAP secret of the initiator in discovery sessions is, as node.session.auth.password_file.")),
    text(send_targets, "discovery.sendtargets.auth.username_in", "", "CHAP name of the target in discovery sessions."),
    secret(text(send_targets, "discovery.sendtargets.auth.password_in", "", "CHAP secret of the target in discovery sessions.")),
    sparse(text(send_targets, "discovery.sendtargets.auth.password_in_file", "", "Where the CHAP secret of the target in discovery sessions is, as node.session.auth.password_file.")),
    chap_algorithms(send_targets),
    integer(send_targets, "discovery.sendtargets.timeo.login_timeout", "15", seconds, "How long one try of a discovery login may last."),
    boolean(send_targets, "discovery.sendtargets.use_discoveryd", "No", "iscsid repeats this discovery by itself."),
    integer(send_targets, "discovery.sendtargets.discoveryd_poll_inval", "30", any_seconds, "Pause between two discoveries that iscsid makes by itself."),
    integer(send_targets, "discovery.sendtargets.reopen_max", "5", {0, 2147483647, ""}, "Further tries when the portal does not answer."),
    integer(send_targets, "discovery.sendtargets.timeo.auth_timeout", "45", seconds, "Kept for open-iscsi; login_timeout covers authentication."),
    integer(send_targets, "discovery.sendtargets.timeo.active_timeout", "30", seconds, "How long to wait for the answer to SendTargets."),
    offers("MaxRecvDataSegmentLength", integer(send_targets, "discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", "32768", burst, "Largest data segment to receive in a discovery session.")),
    sparse(choice(send_targets, "discovery.sendtargets.filter.family", "any", "any|ipv4|ipv6", "Only portals with addresses of this family become records; a host name is of both.")),
    sparse(text(send_targets, "discovery.sendtargets.filter.portal", "", "Only portals that one of these means become records: addresses, networks (192.0.2.0/24) and host names, separated by commas, with or without a port; those with a ! before them leave out what they mean.")),
    sparse(text(send_targets, "discovery.sendtargets.filter.interface", "", "Names of the interface records to bind to when no -I is given, separated by commas; empty: all.")),
    boolean(isns, "discovery.isns.use_discoveryd", "No", "iscsid repeats this discovery by itself."),
    integer(isns, "discovery.isns.discoveryd_poll_inval", "-1", any_seconds, "Pause between two discoveries that iscsid makes by itself."),

    // iscsid and iscsiadm themselves; never in a record
    text(setting_group::daemon, "iscsid.startup", "", "Kept for open-iscsi; never applied: systemd starts the daemon by its socket."),
    boolean(setting_group::daemon, "iscsid.safe_logout", "Yes", "Refuse a logout while a disk of the session is mounted, is swap, or is held by another device; No takes the disk away from its users."),
    boolean(setting_group::daemon, "iscsid.keep_disks_on_stop", "Yes", "When the daemon is told to end, disks that outlive it stay for the next daemon; No logs out of all sessions."),
    integer(setting_group::daemon, "iscsid.stop_timeout", "80", {1, 3600, "s"}, "How long a daemon that is told to end waits for the users of disks that end with it."),
    integer(setting_group::daemon, "iscsid.autologin_wait", "30", {0, 3600, "s"}, "How long a login that iscsid keeps trying, as at boot, is waited for; after that it is tried on."),
    integer(setting_group::daemon, "iscsid.autologin_max_age", "0", {0, 31536000, "s"}, "How long a login is kept trying, 0: for ever."),
    boolean(setting_group::daemon, "iscsid.ipc_auth_uid", "Yes", "Kept for open-iscsi; callers are always known by their user ID."),
    choice(setting_group::daemon, "iscsid.disk.driver", "auto", "auto|ublk|nbd|fuse|export|none", "How disks reach the kernel; auto takes the first of ublk, nbd and fuse that works, export is a socket for virtual machines, none attaches nothing."),
    text(setting_group::daemon, "iscsid.export_group", "", "Group whose members may connect to the sockets of the driver export; empty: root alone."),
    choice(setting_group::daemon, "iscsid.export_mode", "0660", "0600|0660|0666", "Mode of these sockets and so who may connect: 0600 the daemon's user, 0660 also the group, 0666 everybody on the machine."),
    choice(setting_group::daemon, "iscsid.disk.fuse_io_uring", "auto", "auto|Yes|No", "Whether requests to disks of the driver fuse come by io_uring, where the kernel offers that, which takes less CPU; auto: unless the disk outlives the daemon; Yes: and the disk ends with the daemon; No: they are read from /dev/fuse."),
    boolean(setting_group::daemon, "iscsid.disk.share_sessions", "No", "Where a record asks for several sessions (node.session.nr_sessions), a logical unit that all of them see as the same becomes one disk with a queue for each, so that it uses several processors; No makes it a disk for each session, as open-iscsi does. Only for the driver ublk."),
    choice(setting_group::daemon, "iscsid.replay_barrier", "auto", "auto|lu_reset|none", "What keeps a write that a target lets finish late, after its connection was lost, from overwriting newer data; lu_reset: each logical unit with unanswered writes is reset before anything is sent to it again, without that it gets no I/O; auto: the same, but LIO targets are trusted to have ended it, and so is a target that refuses resets; none: every target is trusted. A reset also ends commands of other initiators on that unit, and SPC-2 reservations: choose none for units that are shared."),
    boolean(setting_group::daemon, "iscsid.strict_negotiation", "No", "Refuse every login parameter that RFC 7143 forbids; No: where it is safe, settle on another value, with a warning that names it."),
    boolean(setting_group::daemon, "iscsid.compat.sysfs", "No", "Show sessions below /sys/class/iscsi_host as the kernel's initiator does, for programs that walk there; writes to scan, delete and rescan act. Applied at the start of the daemon."),
    integer(setting_group::daemon, "iscsid.lanes", "0", {0, 64, ""}, "Data threads; 0: one per processor, at most 4."),
    integer(setting_group::daemon, "iscsid.busy_poll", "0", {0, 1000, "microseconds"}, "Busy polling of the sockets of sessions (SO_BUSY_POLL): a receive that finds nothing looks into the queue of the network device, instead of waiting for its interrupt; 0: what net.core.busy_read says. Used for new connections."),
    text(setting_group::daemon, "iscsid.metrics_socket", "metrics.sock", "Where the daemon answers HTTP requests for /metrics: a path, below /run/iscsid unless it begins with /; empty: nowhere. Applied at the start of the daemon."),
    text(setting_group::daemon, "iscsid.ipc_group", "", "Group whose members may ask what the daemon does, but change nothing."),
};
// clang-format on

} // namespace rows

inline constexpr const auto& setting_table = rows::table;

} // namespace iscsi::admin
