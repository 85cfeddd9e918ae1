#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The arithmetic of CHAP (RFC 1994, RFC 7143 §12.1.3): numbers, encodings and digests. The order
// of the dialogue and its rules are the login phases'.
namespace iscsi {

// The numbers of CHAP_A, from the IANA registry "PPP Authentication Algorithms".
enum class chap_algorithm : std::uint8_t { md5 = 5, sha1 = 6, sha256 = 7, sha3_256 = 8 };

// RFC 7143 §12.1.3: CHAP_C and CHAP_R are at most 1024 bytes long.
inline constexpr std::size_t longest_chap_binary = 1024;

// All of them end the login: there is nothing to negotiate about a bad value.
enum class chap_errc {
    unknown_algorithm = 1,
    not_a_number,
    number_out_of_range,
    not_binary, // neither 0x… nor 0b…, or a character that is not of the encoding
    empty_binary,
    binary_too_long,    // more than 1024 bytes
    digest_unavailable, // the crypto library refuses the algorithm (FIPS mode)
};

const char* category_name(chap_errc);
std::string_view message_of(chap_errc);

// "MD5", "SHA1", "SHA256", "SHA3-256", as node.session.auth.chap_algs spells them.
std::optional<chap_algorithm> chap_algorithm_named(std::string_view name);
std::string_view name_of(chap_algorithm algorithm);

// Bytes of a response; also the length of the challenges that we send.
std::size_t digest_size(chap_algorithm algorithm);

// CHAP_A and CHAP_I: decimal or 0x hexadecimal, 0 to `highest` (§6.1 numerical-value).
// A number that does not fit is refused, never cut: identifier 256 is not 0.
result<std::uint32_t> read_chap_number(std::string_view text, std::uint32_t highest);

// CHAP_C and CHAP_R: §6.1 binary-value, "0x" hexadecimal or "0b" base64; 1 to 1024 bytes. An odd
// number of hexadecimal digits has a leading zero.
result<std::vector<std::byte>> read_chap_binary(std::string_view text);
std::string format_chap_binary(bytes_view bytes);

// digest(identifier ‖ secret ‖ challenge), RFC 1994 §4.1. Faults: digest_unavailable.
result<std::vector<std::byte>> chap_response(
    chap_algorithm algorithm, std::uint8_t identifier, std::string_view secret, bytes_view challenge
);

// Takes as long for unequal bytes as for equal ones.
bool equal_in_constant_time(bytes_view a, bytes_view b);

// Overwrites a secret; the compiler may not leave it out.
void wipe(std::string& secret);
void wipe(std::vector<std::byte>& secret);

} // namespace iscsi
