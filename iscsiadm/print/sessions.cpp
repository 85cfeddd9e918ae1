#include "iscsiadm/print/sessions.hpp"

#include "iscsiadm/print/io_figures.hpp"
#include "iscsiadm/print/portals.hpp"
#include "iscsiadm/print/progress.hpp"
#include "iscsiadm/print/records.hpp"

#include "libiscsi/admin/version.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace iscsi::cli {

namespace {

using admin::session_info;

// A title between two lines of stars, which belong to the format.
std::string heading(std::string_view title, int stars) {
    const std::string line(static_cast<std::size_t>(stars), '*');
    return fmt::format("\t\t{0}\n\t\t{1}\n\t\t{0}\n", line, title);
}

std::string field(std::string_view name, std::string_view value) {
    return fmt::format("\t\t{}: {}\n", name, value);
}

template <class Number>
std::string number(std::string_view name, Number value) {
    return fmt::format("\t\t{}: {}\n", name, value);
}

std::string_view yes_or_no(bool value) {
    return value ? "Yes" : "No";
}

// IPv6 in brackets, unlike portals no host name comes here.
std::string own_address(const session_info& session) {
    const bool ipv6 = session.interface_address.find(':') != std::string::npos;
    return ipv6 ? fmt::format("[{}]", session.interface_address)
                : std::string(or_blank(session.interface_address));
}

// HWaddress and Netdev say "default" where the interface is not bound to one.
std::string interface_block(const shown_session& shown) {
    const session_info& session = shown.info;
    const auto or_default = [](std::string_view text) { return text.empty() ? "default" : text; };
    return heading("Interface:", 10) + field("Iface Name", session.node.interface) +
           field("Iface Transport", "tcp") +
           field("Iface Initiatorname", or_blank(session.initiator_name)) +
           field("Iface IPaddress", own_address(session)) +
           field("Iface HWaddress", or_default(shown.binding.hardware_address)) +
           field("Iface Netdev", or_default(shown.binding.net_device));
}

// The words of the states are chosen by the daemon, from those of the kernel's initiator:
// LOGGED_IN, FAILED, FREE.
std::string state_block(const session_info& session) {
    return number("SID", session.sid) + field("iSCSI Connection State", session.connection_state) +
           field("iSCSI Session State", session.session_state) +
           field("Internal iscsid Session State", session.internal_state);
}

// In seconds, as the record has them.
std::string timeout_block(const session_info& session) {
    return heading("Timeouts:", 9) + number("Recovery Timeout", session.recovery_timeout) +
           number("Target Reset Timeout", session.target_reset_timeout) +
           number("LUN Reset Timeout", session.lun_reset_timeout) +
           number("Abort Timeout", session.abort_timeout);
}

// Without -S a secret that is not set looks like one that is.
std::string secret_block(const shown_session& shown) {
    const bool reveal = shown.secrets.has_value();
    // With -S open-iscsi labels the reverse secret "password" again.
    return heading("CHAP:", 5) + field("username", or_blank(shown.info.username)) +
           field("password", reveal ? or_blank(shown.secrets->password) : hidden_secret) +
           field("username_in", or_blank(shown.info.username_in)) +
           field(
               reveal ? "password" : "password_in",
               reveal ? or_blank(shown.secrets->password_in) : hidden_secret
           );
}

// What the login agreed on, not what the record wished.
std::string parameter_block(const session_info& session) {
    return heading("Negotiated iSCSI params:", 24) + field("HeaderDigest", session.header_digest) +
           field("DataDigest", session.data_digest) +
           number("MaxRecvDataSegmentLength", session.max_recv_data_segment_length) +
           number("MaxXmitDataSegmentLength", session.max_xmit_data_segment_length) +
           number("FirstBurstLength", session.first_burst_length) +
           number("MaxBurstLength", session.max_burst_length) +
           field("ImmediateData", yes_or_no(session.immediate_data)) +
           field("InitialR2T", yes_or_no(session.initial_r2t)) +
           number("MaxOutstandingR2T", session.max_outstanding_r2t);
}

// LUNs without a disk are left out: readers take the line after a LUN for its disk. The order is
// that of the names in sysfs: 0, 1, 10, 2.
std::string disk_lines(const session_info& session) {
    std::vector<admin::attached_lun> luns = session.luns;
    std::erase_if(luns, [](const admin::attached_lun& lun) { return lun.disk.empty(); });
    std::ranges::sort(luns, {}, [](const auto& lun) { return std::to_string(lun.lun); });
    std::string lines;
    for (const admin::attached_lun& lun : luns)
        lines += fmt::format(
            "\t\tscsi{} Channel 00 Id 0 Lun: {}\n\t\t\tAttached scsi disk {}\t\tState: {}\n",
            session.host_number,
            lun.lun,
            lun.disk,
            lun.state
        );
    return lines;
}

std::string disk_block(const session_info& session) {
    return heading("Attached SCSI devices:", 24) +
           fmt::format("\t\tHost Number: {}\tState: running\n", session.host_number) +
           disk_lines(session);
}

bool same_portal(const session_info& one, const session_info& other) {
    return one.node.target == other.node.target && one.node.address == other.node.address &&
           one.node.port == other.node.port;
}

// Both portals are named: where the session is now, after a redirection, and where its record says
// that it begins.
std::string title_block(const session_info& session, const session_info* last) {
    if (last != nullptr && same_portal(session, *last))
        return "\n";
    std::string lines;
    if (last == nullptr || last->node.target != session.node.target)
        lines = fmt::format("Target: {} (non-flash)\n", session.node.target);
    lines += fmt::format(
        "\tCurrent Portal: {}\n\tPersistent Portal: {}\n",
        tree_portal(session.current_address, session.current_port, session.group_tag),
        tree_portal(session.node.address, session.node.port, session.group_tag)
    );
    return lines;
}

// Each level prints all of the lower ones: readers rely on the order of blocks.
std::string session_block(const shown_session& shown, int level) {
    std::string lines = interface_block(shown) + state_block(shown.info);
    if (level >= 2)
        lines += timeout_block(shown.info) + secret_block(shown) + parameter_block(shown.info);
    if (level >= 3)
        lines += disk_block(shown.info);
    return lines;
}

// The session of a host: without its host, timeouts and secrets, and one step to the right.
std::string host_session(const shown_session& shown, int level) {
    std::string lines = "*********\nSessions:\n*********\n" + title_block(shown.info, nullptr) +
                        interface_block(shown) + state_block(shown.info);
    if (level >= 3)
        lines += parameter_block(shown.info);
    if (level >= 4)
        lines += heading("Attached SCSI devices:", 24) + disk_lines(shown.info);
    std::string moved;
    for (std::string_view rest = lines; !rest.empty();) {
        const auto end = rest.find('\n') + 1;
        moved += '\t';
        moved += rest.substr(0, end);
        rest.remove_prefix(end);
    }
    return moved;
}

// The line of the transport class comes with the highest level only; its number is that of the
// kernel module that is not here, and programs read past it.
std::string version_lines() {
    return fmt::format(
        "iSCSI Transport Class version 2.0-870\nversion {}\n", admin::compatible_version
    );
}

} // namespace

std::string flat_sessions(const std::vector<session_info>& sessions) {
    std::string lines;
    for (const session_info& session : sessions)
        lines += fmt::format(
            "tcp: [{}] {} {} (non-flash)\n",
            session.sid,
            tree_portal(session.node.address, session.node.port, session.group_tag),
            session.node.target
        );
    return lines;
}

std::string session_tree(const std::vector<shown_session>& sessions, int level) {
    std::string lines = level >= 3 ? version_lines() : "";
    const session_info* last = nullptr;
    for (const shown_session& shown : sessions) {
        lines += title_block(shown.info, last) + session_block(shown, level);
        last = &shown.info;
    }
    return lines;
}

std::string session_statistics(const std::vector<session_info>& sessions) {
    std::string lines;
    for (const session_info& session : sessions) {
        lines += fmt::format("Stats for session [{}]\niSCSI SNMP:\n", session_words(session));
        for (const admin::session_counter& counter : session.statistics)
            lines += fmt::format("\t{}: {}\n", counter.name, counter.value);
        for (const admin::attached_lun& lun : session.luns)
            lines += io_lines(lun);
    }
    return lines;
}

std::string flat_hosts(const std::vector<session_info>& sessions) {
    std::string lines;
    for (const session_info& session : sessions)
        lines += fmt::format(
            "tcp: [{}] {},[{}],{} {}\n",
            session.host_number,
            own_address(session),
            blank,
            blank,
            blank
        );
    return lines;
}

std::string host_blocks(const std::vector<shown_session>& sessions, int level) {
    std::string lines = level >= 4 ? version_lines() : "";
    for (const shown_session& shown : sessions) {
        lines += fmt::format(
            "Host Number: {0}\n\tState: running\n\tTransport: tcp\n\tInitiatorname: {1}\n"
            "\tIPaddress: {2}\n\tHWaddress: {1}\n\tNetdev: {1}\n",
            shown.info.host_number,
            blank,
            own_address(shown.info)
        );
        if (level >= 2)
            lines += host_session(shown, level);
    }
    return lines;
}

} // namespace iscsi::cli
