#include "iscsid/initiator_name.hpp"

#include "iscsid/os/files.hpp"
#include "iscsid/os/random.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/names/initiator_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace iscsid {

namespace admin = iscsi::admin;

namespace {

std::string new_name() {
    iscsi::name_entropy random{};
    std::ranges::transform(os::random_bytes(random.size()), random.begin(), [](std::byte each) {
        return std::to_integer<std::uint8_t>(each);
    });
    return iscsi::make_initiator_name(iscsi::default_name_prefix, random);
}

} // namespace

iscsi::result<admin::initiator_identity> initiator_identity(const std::filesystem::path& file) {
    if (admin::asks_for_a_name(file)) {
        const auto text = fmt::format(
            "# Made by iscsid, because GenerateName=yes stood here. Targets know this host by it.\n"
            "InitiatorName={}\n",
            new_name()
        );
        if (const int error = os::replace_file(file, text); error != 0)
            return admin::system_fault(admin::file_errc::write_failed, file, error);
    }
    return admin::load_initiator_identity(file);
}

} // namespace iscsid
