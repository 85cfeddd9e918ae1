#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace iscsid::device {

// The kernel's name for this boot (/proc/sys/kernel/random/boot_id); "" where it tells none.
std::string read_boot_id();

// Marks devices as those of one daemon: of whichever runs with this runtime folder, during this
// boot. 64 bits, for that is what ublk keeps for its server: the upper half says whose they are,
// the lower half which.
class nonce_maker {
  public:
    // `runtime_folder` must be there. Another folder of the same name, in another container or made
    // anew, is another one.
    nonce_maker(const std::string& boot_id, const std::filesystem::path& runtime_folder);

    // Another one each time, never 0. Any thread.
    std::uint64_t make() const;

    // Whether make() of this folder and boot can have given it.
    bool is_ours(std::uint64_t nonce) const;

  private:
    std::uint32_t whose_;
};

} // namespace iscsid::device
