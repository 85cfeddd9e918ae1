#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace iscsi {

// What iscsi-iname of open-iscsi puts before the colon: the names of a site then look alike,
// whoever made them.
inline constexpr std::string_view default_name_prefix = "iqn.2016-04.com.open-iscsi";

// From the kernel, by the caller: the name must differ between machines that were cloned a second
// ago.
using name_entropy = std::array<std::uint8_t, 6>;

// "PREFIX:" and the bytes in hexadecimal digits, each without a leading zero, as open-iscsi does.
// `prefix` is not checked here.
std::string make_initiator_name(std::string_view prefix, const name_entropy& random);

} // namespace iscsi
