#include "iscsid/compat/sysfs_tree.hpp"

#include <fmt/format.h>

#include <array>

namespace iscsid::compat {

namespace {

constexpr const char* nothing = "(null)";     // as the kernel prints a string that it does not have
constexpr const char* any_type_of_disk = "0"; // TYPE_DISK

const std::string& or_nothing(const std::string& text) {
    static const std::string none = nothing;
    return text.empty() ? none : text;
}

// One tree while it grows.
class grower {
  public:
    void folder(const std::string& path) { tree_[path] = {}; }

    void file(const std::string& path, const std::string& text, bool for_owner = false) {
        tree_[path] = {entry::type::file, text + "\n", for_owner};
    }

    void link(const std::string& path, std::string to) {
        tree_[path] = {entry::type::link, std::move(to)};
    }

    tree take() { return std::move(tree_); }

  private:
    tree tree_;
};

std::string host_of(const session_picture& of) {
    return fmt::format("host{}", of.host);
}

std::string session_of(const session_picture& of) {
    return fmt::format("session{}", of.sid);
}

std::string connection_of(const session_picture& of) {
    return fmt::format("connection{}:0", of.sid);
}

std::string session_folder(const session_picture& of) {
    return fmt::format("class/iscsi_host/{}/device/{}", host_of(of), session_of(of));
}

std::string target_folder(const session_picture& of) {
    return fmt::format("{}/target{}:0:0", session_folder(of), of.host);
}

std::string address_of(const session_picture& of, const lun_picture& lun) {
    return fmt::format("{}:0:0:{}", of.host, lun.number);
}

void add_hosts(const session_picture& of, grower& to) {
    const auto host = "class/iscsi_host/" + host_of(of);
    to.folder(host);
    to.file(host + "/netdev", or_nothing(of.net_device));
    to.file(host + "/ipaddress", or_nothing(of.local_address));
    to.file(host + "/hwaddress", or_nothing(of.hardware_address));
    to.file(host + "/initiatorname", of.initiator);
    to.folder(host + "/device");
    const auto scsi = "class/scsi_host/" + host_of(of);
    const acting_file scan{acting_kind::scan, of.sid, of.host, 0};
    to.folder(scsi);
    to.file(scsi + "/state", "running");
    to.file(scsi + "/proc_name", "iscsi_tcp");
    to.link(scsi + "/scan", "../../iscsi_host/.acting/" + name_of(scan));
    to.link(scsi + "/device", "../../iscsi_host/" + host_of(of) + "/device");
}

void add_session(const session_picture& of, grower& to) {
    const auto inner = session_folder(of) + "/iscsi_session";
    const auto attributes = inner + "/" + session_of(of);
    to.folder(session_folder(of));
    to.folder(inner);
    to.folder(attributes);
    to.link(attributes + "/device", "../..");
    to.file(attributes + "/targetname", of.target);
    to.file(attributes + "/state", of.is_up ? "LOGGED_IN" : "FAILED");
    to.file(attributes + "/tpgt", std::to_string(of.group_tag));
    to.file(attributes + "/ifacename", of.interface);
    to.file(attributes + "/initiatorname", of.initiator);
    to.file(attributes + "/recovery_tmo", std::to_string(of.recovery.count()));
    to.file(attributes + "/username", or_nothing(of.username), true);
    to.file(attributes + "/username_in", or_nothing(of.username_in), true);
    to.file(attributes + "/password", nothing, true); // secrets leave the daemon nowhere
    to.file(attributes + "/password_in", nothing, true);
    to.link("class/iscsi_session/" + session_of(of), "../../" + attributes);
}

void add_connection(const session_picture& of, grower& to) {
    const auto outer = session_folder(of) + "/" + connection_of(of);
    const auto attributes = outer + "/iscsi_connection/" + connection_of(of);
    to.folder(outer);
    to.folder(outer + "/iscsi_connection");
    to.folder(attributes);
    to.link(attributes + "/device", "../..");
    to.file(attributes + "/address", of.address);
    to.file(attributes + "/port", std::to_string(of.port));
    to.file(attributes + "/persistent_address", of.persistent_address);
    to.file(attributes + "/persistent_port", std::to_string(of.persistent_port));
    to.file(attributes + "/state", of.is_up ? "up" : "failed");
    to.link("class/iscsi_connection/" + connection_of(of), "../../" + attributes);
}

// scsi_id prints the type of the designator as a digit, the kernel as a word.
std::string wwid_of(const std::string& by_scsi_id) {
    constexpr std::array words{"t10.", "eui.", "naa."};
    if (by_scsi_id.empty() || by_scsi_id.front() < '1' || by_scsi_id.front() > '3')
        return by_scsi_id;
    return words.at(static_cast<std::size_t>(by_scsi_id.front() - '1')) + by_scsi_id.substr(1);
}

// The widths of INQUIRY data (SPC-4 §6.6.2), which the kernel keeps.
void add_identity(const lun_picture& lun, const std::string& folder, grower& to) {
    to.file(folder + "/vendor", fmt::format("{:8}", lun.vendor));
    to.file(folder + "/model", fmt::format("{:16}", lun.product));
    to.file(folder + "/rev", fmt::format("{:4}", lun.revision));
    if (!lun.wwid.empty())
        to.file(folder + "/wwid", wwid_of(lun.wwid));
}

void add_lun(const session_picture& of, const lun_picture& lun, grower& to) {
    const auto folder = target_folder(of) + "/" + address_of(of, lun);
    to.folder(folder);
    to.file(folder + "/state", lun.is_offline ? "offline" : "running");
    to.file(folder + "/type", any_type_of_disk);
    add_identity(lun, folder, to);
    for (const auto kind : {acting_kind::remove, acting_kind::rescan}) {
        const auto name = name_of({kind, of.sid, of.host, lun.number});
        to.link(
            folder + name.substr(name.find('.')).replace(0, 1, "/"),
            "../../../../../.acting/" + name
        );
    }
    to.folder(folder + "/block");
    to.link(folder + "/block/" + lun.node, "../../../../../../../../block/" + lun.node);
    to.link("bus/scsi/devices/" + address_of(of, lun), "../../../" + folder);
}

} // namespace

tree tree_of(const session_picture& session) {
    grower growing;
    add_hosts(session, growing);
    add_session(session, growing);
    add_connection(session, growing);
    growing.folder(target_folder(session)); // without LUNs, too: there is room for them
    for (const auto& lun : session.luns)
        add_lun(session, lun, growing);
    return growing.take();
}

std::vector<acting_file> acting_files_of(const session_picture& session) {
    std::vector<acting_file> files{{acting_kind::scan, session.sid, session.host, 0}};
    for (const auto& lun : session.luns)
        for (const auto kind : {acting_kind::remove, acting_kind::rescan})
            files.push_back({kind, session.sid, session.host, lun.number});
    return files;
}

} // namespace iscsid::compat
