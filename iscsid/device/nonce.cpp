#include "iscsid/device/nonce.hpp"

#include "iscsid/os/random.hpp"

#include "libiscsi/base/crc32c.hpp"

#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <span>

namespace iscsid::device {

namespace {

constexpr unsigned half = 32;

} // namespace

std::string read_boot_id() {
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id;
}

// The folder by its number, which no other has at the same time.
nonce_maker::nonce_maker(const std::string& boot_id, const std::filesystem::path& runtime_folder) {
    struct stat seen {};

    ::stat(runtime_folder.c_str(), &seen);
    const auto words =
        boot_id + " " + std::to_string(seen.st_dev) + " " + std::to_string(seen.st_ino);
    whose_ = iscsi::crc32c(std::as_bytes(std::span(words)));
}

std::uint64_t nonce_maker::make() const {
    std::uint32_t which = 0;
    while (which == 0) {
        const auto bytes = os::random_bytes(sizeof which);
        std::memcpy(&which, bytes.data(), sizeof which);
    }
    return std::uint64_t{whose_} << half | which;
}

bool nonce_maker::is_ours(std::uint64_t nonce) const {
    return nonce >> half == whose_ && static_cast<std::uint32_t>(nonce) != 0;
}

} // namespace iscsid::device
