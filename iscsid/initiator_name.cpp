#include "iscsid/initiator_name.hpp"

#include "iscsid/os/random.hpp"

#include "libiscsi/admin/files.hpp"

#include <fmt/format.h>

#include <string>

namespace iscsid {

namespace admin = iscsi::admin;

namespace {

// As iscsi-iname makes it: the names of a site then look alike, whoever made them.
std::string new_name() {
    constexpr std::size_t enough = 6; // clones that start a second apart differ
    std::string name = "iqn.2016-04.com.open-iscsi:";
    for (const auto byte : os::random_bytes(enough))
        name += fmt::format("{:x}", std::to_integer<unsigned>(byte));
    return name;
}

// Whole or not at all: half a name would be another host.
iscsi::result<void> replace(const std::filesystem::path& file, const std::string& text) {
    auto& files = admin::real_files();
    const auto folder = file.parent_path();
    const auto staged = folder / ("." + file.filename().string() + ".new");
    if (auto written = files.write_file(staged, text); !written)
        return written;
    if (auto moved = files.move(staged, file); !moved)
        return moved;
    return files.sync_folder(folder);
}

} // namespace

iscsi::result<admin::initiator_identity> initiator_identity(const std::filesystem::path& file) {
    if (admin::asks_for_a_name(file)) {
        const auto text = fmt::format(
            "# Made by iscsid, because GenerateName=yes stood here. Targets know this host by it.\n"
            "InitiatorName={}\n",
            new_name()
        );
        if (auto made = replace(file, text); !made)
            return made.error();
    }
    return admin::load_initiator_identity(file);
}

} // namespace iscsid
