#include "iscsiadm/modes/ibft.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/admin/words.hpp"
#include "libiscsi/base/shown.hpp"
#include "libiscsi/names/characters.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace iscsi::cli {

namespace {

using std::filesystem::path;
using warnings = std::vector<std::string>;

// The longest texts that a record takes: of names (RFC 7143 §4.2.7.1), of CHAP, of a device.
constexpr std::size_t longest_name = 223;
constexpr std::size_t longest_secret = 255;
constexpr std::size_t longest_device = 15;
// Of addresses, numbers and LUNs: "0000:…:0000%device" is shorter.
constexpr std::size_t longest_word = 63;

// One folder of the table. Fields that do not apply have no file; one that is there has a line.
class block {
  public:
    block(path folder, warnings& complaints)
        : folder_(std::move(folder)), complaints_(complaints) {}

    // Empty where there is none that can be used.
    std::string text(std::string_view field, std::size_t longest = longest_word) const;
    // Decimal; nothing where there is none that can be used.
    std::optional<int> number(std::string_view field, int low, int high) const;

    void complain(std::string_view field, std::string_view expected, std::string_view got) const {
        complaints_.push_back(
            fmt::format("{}: expected {}, got {}", (folder_ / field).string(), expected, got)
        );
    }

    const path& folder() const { return folder_; }

  private:
    path folder_;
    warnings& complaints_;
};

// The kernel ends a line with a newline; some firmware pads a text with NULs.
std::string_view without_padding(std::string_view text) {
    while (!text.empty() && (admin::is_blank(text.back()) || text.back() == '\0'))
        text.remove_suffix(1);
    return text;
}

// What is wrong is told without the text: it may be a secret.
std::string block::text(std::string_view field, std::size_t longest) const {
    const auto read = admin::read_file(folder_ / field);
    if (!read) {
        complaints_.push_back(read.error().text());
        return "";
    }
    if (!*read)
        return "";
    const std::string_view value = without_padding(**read);
    if (value.empty())
        complain(field, "a text", "nothing");
    else if (value.size() > longest)
        complain(
            field, fmt::format("at most {} characters", longest), fmt::format("{}", value.size())
        );
    else if (std::ranges::any_of(value, admin::is_control))
        complain(field, "a line of text", "control characters");
    else
        return std::string(value);
    return "";
}

std::optional<int> block::number(std::string_view field, int low, int high) const {
    const std::string value = text(field);
    if (value.empty())
        return std::nullopt;
    const auto number = admin::to_number<int>(value);
    if (number && *number >= low && *number <= high)
        return number;
    complain(field, fmt::format("a number from {} to {}", low, high), shown(value));
    return std::nullopt;
}

// Bit 0 says that the block is valid, bit 1 that the firmware boots by it. Some firmware sets the
// second only, so either will do; without the file nothing speaks against the block.
bool is_in_use(const block& of) {
    constexpr int highest = 255;
    const auto flags = of.number("flags", 0, highest);
    return !flags || *flags != 0;
}

// The folders "<word>0", "<word>1", … in the order of their numbers.
std::vector<path> numbered_folders(const path& root, std::string_view word, warnings& complaints) {
    const auto names = admin::list_folder(root);
    if (!names) {
        complaints.push_back(names.error().text());
        return {};
    }
    std::vector<std::pair<unsigned, path>> found;
    for (const std::string& name : *names)
        if (name.starts_with(word))
            if (const auto number = admin::to_number<unsigned>(name.substr(word.size())))
                found.emplace_back(*number, root / name);
    std::ranges::sort(found);
    std::vector<path> folders(found.size());
    std::ranges::transform(found, folders.begin(), &std::pair<unsigned, path>::second);
    return folders;
}

std::vector<std::string> names_in(const path& folder) {
    auto names = admin::list_folder(folder);
    return names ? *std::move(names) : std::vector<std::string>();
}

// The device of the block's adapter; some firmware names none, then the hardware address tells.
std::string device_of(const block& network, const std::string& hardware, const path& sysfs) {
    const auto is_usable = [](const std::string& name) {
        return name.size() <= longest_device && std::ranges::none_of(name, admin::is_control);
    };
    for (const std::string& name : names_in(network.folder() / "device" / "net"))
        if (is_usable(name))
            return name;
    if (hardware.empty())
        return "";
    for (const std::string& name : names_in(sysfs / "class" / "net")) {
        const auto address = admin::read_file(sysfs / "class" / "net" / name / "address");
        if (address && *address && same_but_for_case(without_padding(**address), hardware) &&
            is_usable(name))
            return name;
    }
    return "";
}

// Where the address comes from: 3 is DHCP. Without that, a DHCP server that is one.
bool is_by_dhcp(const block& network) {
    constexpr int dhcp = 3;
    constexpr int highest = 255;
    if (network.number("origin", 0, highest) == dhcp)
        return true;
    const std::string server = network.text("dhcp");
    return !server.empty() && server != "0.0.0.0" && server != "::";
}

void read_network(const block& network, const path& sysfs, boot_target& target) {
    constexpr int longest_prefix = 128;
    target.has_network = true;
    target.hardware_address = network.text("mac");
    target.by_dhcp = is_by_dhcp(network);
    target.address = network.text("ip-addr");
    if (const auto length = network.number("prefix-len", 0, longest_prefix); length && *length > 0)
        target.prefix_length = std::to_string(*length);
    target.subnet_mask = network.text("subnet-mask");
    target.gateway = network.text("gateway");
    target.primary_dns = network.text("primary-dns");
    target.secondary_dns = network.text("secondary-dns");
    constexpr int highest_vlan = 4095;
    if (const auto vlan = network.number("vlan", 0, highest_vlan))
        target.vlan = std::to_string(*vlan);
    target.network_device = device_of(network, target.hardware_address, sysfs);
}

// Names and secrets decide, as in open-iscsi: there is firmware whose type says something else.
void read_chap(const block& from, boot_target& target) {
    target.user = from.text("chap-name", longest_secret);
    target.password = from.text("chap-secret", longest_secret);
    target.user_in = from.text("rev-chap-name", longest_secret);
    target.password_in = from.text("rev-chap-name-secret", longest_secret);
    constexpr int mutual = 2;
    const auto type = from.number("chap-type", 0, mutual);
    const int found = target.password.empty() ? 0 : target.password_in.empty() ? 1 : mutual;
    constexpr std::string_view meanings = " (0: no CHAP, 1: one-way, 2: mutual)";
    if (type && *type != found)
        from.complain(
            "chap-type",
            fmt::format("{}, for so are the secrets that are used{}", found, meanings),
            std::to_string(*type)
        );
}

// One that has a name and a portal.
std::optional<boot_target> read_target(const block& from) {
    boot_target target;
    target.name = from.text("target-name", longest_name);
    target.portal_address = from.text("ip-addr");
    constexpr int highest_port = 65535;
    if (const auto port = from.number("port", 1, highest_port))
        target.port = static_cast<std::uint16_t>(*port);
    if (target.name.empty() || target.portal_address.empty()) {
        from.complain("", "target-name and ip-addr", "a target without; it is left out");
        return std::nullopt;
    }
    const auto checked =
        admin::check_new({target.name, target.portal_address, target.port, 1, "default"});
    if (!checked) {
        from.complain("", "a target that can be used", checked.error().text() + "; it is left out");
        return std::nullopt;
    }
    target.lun = from.text("lun");
    read_chap(from, target);
    return target;
}

// All of the table, in one pass; its parts point at each other by numbers.
class table {
  public:
    table(path sysfs, warnings& complaints)
        : sysfs_(std::move(sysfs)), root_(sysfs_ / "firmware" / "ibft"), complaints_(complaints) {}

    std::vector<boot_target> targets();

  private:
    void read_initiator();
    void read_networks();
    void add_network(const block& of_target, boot_target& target) const;

    path sysfs_, root_;
    warnings& complaints_;
    std::string initiator_name_;
    std::vector<std::pair<int, block>> networks_; // by their index
};

std::vector<boot_target> table::targets() {
    std::vector<boot_target> all;
    const auto folders = numbered_folders(root_, "target", complaints_);
    if (folders.empty())
        return all;
    read_initiator();
    read_networks();
    for (const path& folder : folders) {
        const block from(folder, complaints_);
        if (!is_in_use(from))
            continue;
        auto target = read_target(from);
        if (!target)
            continue;
        target->initiator_name = initiator_name_;
        add_network(from, *target);
        all.push_back(*std::move(target));
    }
    return all;
}

void table::read_initiator() {
    const block initiator(root_ / "initiator", complaints_);
    initiator_name_ = initiator.text("initiator-name", longest_name);
    if (initiator_name_.empty())
        return;
    if (const auto good = check_iscsi_name(initiator_name_); !good) {
        initiator.complain("initiator-name", "an iSCSI name", good.error().text());
        initiator_name_.clear();
    }
}

void table::read_networks() {
    int place = 0;
    for (const path& folder : numbered_folders(root_, "ethernet", complaints_)) {
        block network(folder, complaints_);
        constexpr int highest = 255;
        networks_.emplace_back(network.number("index", 0, highest).value_or(place++), network);
    }
}

// Through which device is good to know; a login needs none, for the system's routes lead there.
void table::add_network(const block& of_target, boot_target& target) const {
    constexpr int highest = 255;
    const auto index = of_target.number("nic-assoc", 0, highest);
    if (!index)
        return;
    const auto found = std::ranges::find(networks_, *index, &std::pair<int, block>::first);
    if (found != networks_.end() && is_in_use(found->second))
        return read_network(found->second, sysfs_, target);
    of_target.complain("nic-assoc", "the index of an ethernet block", std::to_string(*index));
}

} // namespace

boot_firmware read_ibft(const std::filesystem::path& sysfs) {
    boot_firmware found;
    found.targets = table(sysfs, found.warnings).targets();
    return found;
}

std::vector<std::pair<std::string, std::string>> settings_of(const boot_target& target) {
    const std::string protocol = target.by_dhcp ? "DHCP" : "STATIC";
    std::vector<std::pair<std::string, std::string>> all{
        {"iface.initiatorname", target.initiator_name},
        {"iface.transport_name", "tcp"},
        {"iface.hwaddress", target.hardware_address},
        {"iface.bootproto", target.has_network ? protocol : ""},
        {"iface.ipaddress", target.address},
        {"iface.prefix_len", target.prefix_length},
        {"iface.subnet_mask", target.subnet_mask},
        {"iface.gateway", target.gateway},
        {"iface.primary_dns", target.primary_dns},
        {"iface.secondary_dns", target.secondary_dns},
        {"iface.vlan_id", target.vlan},
        {"iface.net_ifacename", target.network_device},
        {"node.name", target.name},
        {"node.conn[0].address", target.portal_address},
        {"node.conn[0].port", std::to_string(target.port)},
        {"node.session.auth.username", target.user},
        {"node.session.auth.password", target.password},
        {"node.session.auth.username_in", target.user_in},
        {"node.session.auth.password_in", target.password_in},
        {"node.boot_lun", target.lun}};
    std::erase_if(all, [](const auto& setting) { return setting.second.empty(); });
    return all;
}

} // namespace iscsi::cli
