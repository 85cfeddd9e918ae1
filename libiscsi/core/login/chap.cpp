#include "libiscsi/core/login/chap.hpp"

#include "libiscsi/base/hex.hpp"
#include "libiscsi/core/parameters.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <memory>

namespace iscsi {

namespace {

// `size` is that of the digest, and of the challenge that goes with it.
struct algorithm_row {
    chap_algorithm algorithm;
    std::string_view name;
    std::size_t size;
    const EVP_MD* (*digest)();
};

constexpr std::array<algorithm_row, 4> algorithms{{
    {chap_algorithm::md5, "MD5", 16, &EVP_md5},
    {chap_algorithm::sha1, "SHA1", 20, &EVP_sha1},
    {chap_algorithm::sha256, "SHA256", 32, &EVP_sha256},
    {chap_algorithm::sha3_256, "SHA3-256", 32, &EVP_sha3_256},
}};

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const algorithm_row& row_of(chap_algorithm algorithm) {
    for (const auto& row : algorithms)
        if (row.algorithm == algorithm)
            return row;
    return algorithms.front();
}

// At most 64 characters of what came: a challenge may be long, and is no secret.
fault refuse(chap_errc code, std::string_view field, std::string_view got, std::string expected) {
    return {
        to_error_code(code),
        std::string(field),
        std::string(got.substr(0, 64)),
        std::move(expected)};
}

// Both cases, as §6.1 allows.
std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10U;
    if (c >= 'A' && c <= 'F')
        return static_cast<unsigned>(c - 'A') + 10U;
    return std::nullopt;
}

result<std::vector<std::byte>> read_hexadecimal(std::string_view digits) {
    if (digits.size() > 2 * longest_chap_binary)
        return refuse(chap_errc::binary_too_long, "CHAP binary", digits, "at most 1024 bytes");
    std::vector<std::byte> bytes((digits.size() + 1) / 2);
    std::size_t at = digits.size() % 2; // an odd first digit is the low half of its byte
    for (const char c : digits) {
        const auto digit = hex_digit(c);
        if (!digit)
            return refuse(chap_errc::not_binary, "CHAP binary", digits, "hexadecimal digits");
        bytes[at / 2] =
            static_cast<std::byte>((std::to_integer<unsigned>(bytes[at / 2]) << 4U) | *digit);
        ++at;
    }
    return bytes;
}

// Padding is required; targets that leave it out write hexadecimal digits.
result<std::vector<std::byte>> read_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        return refuse(chap_errc::not_binary, "CHAP binary", text, "base64 in groups of four");
    if (text.size() / 4 * 3 > longest_chap_binary + 2)
        return refuse(chap_errc::binary_too_long, "CHAP binary", text, "at most 1024 bytes");
    const auto padding = static_cast<std::size_t>(
        text.ends_with("==")  ? 2
        : text.ends_with('=') ? 1
                              : 0
    );
    // libcrypto would skip blanks and take '=' anywhere.
    if (text.substr(0, text.size() - padding).find_first_not_of(base64_digits) != text.npos)
        return refuse(chap_errc::not_binary, "CHAP binary", text, "base64");
    std::vector<unsigned char> raw(text.size() / 4 * 3);
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    const int size = EVP_DecodeBlock(raw.data(), from, static_cast<int>(text.size()));
    if (size < 0)
        return refuse(chap_errc::not_binary, "CHAP binary", text, "base64");
    const auto* first = reinterpret_cast<const std::byte*>(raw.data());
    return std::vector<std::byte>(first, first + (static_cast<std::size_t>(size) - padding));
}

} // namespace

const char* category_name(chap_errc /*unused*/) {
    return "iscsi.chap";
}

std::string_view message_of(chap_errc code) {
    switch (code) {
    case chap_errc::unknown_algorithm:
        return "unknown CHAP algorithm";
    case chap_errc::not_a_number:
        return "not a number";
    case chap_errc::number_out_of_range:
        return "number out of range";
    case chap_errc::not_binary:
        return "not a binary value";
    case chap_errc::empty_binary:
        return "empty binary value";
    case chap_errc::binary_too_long:
        return "binary value too long";
    case chap_errc::digest_unavailable:
        return "digest not available";
    }
    return "unknown CHAP error";
}

std::optional<chap_algorithm> chap_algorithm_named(std::string_view name) {
    for (const auto& row : algorithms)
        if (row.name == name)
            return row.algorithm;
    return std::nullopt;
}

std::string_view name_of(chap_algorithm algorithm) {
    return row_of(algorithm).name;
}

std::size_t digest_size(chap_algorithm algorithm) {
    return row_of(algorithm).size;
}

result<std::uint32_t> read_chap_number(std::string_view text, std::uint32_t highest) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const auto digits = hexadecimal ? text.substr(2) : text;
    std::uint32_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
    if (error == std::errc::result_out_of_range)
        return refuse(
            chap_errc::number_out_of_range,
            "CHAP number",
            text,
            "at most " + std::to_string(highest)
        );
    if (error != std::errc() || stop != end)
        return refuse(chap_errc::not_a_number, "CHAP number", text, "decimal or 0x hexadecimal");
    if (value > highest)
        return refuse(
            chap_errc::number_out_of_range,
            "CHAP number",
            text,
            "at most " + std::to_string(highest)
        );
    return value;
}

result<std::vector<std::byte>> read_chap_binary(std::string_view text) {
    const auto form = text.substr(0, 2);
    const auto body = text.substr(form.size());
    if (form != "0x" && form != "0X" && form != "0b" && form != "0B")
        return refuse(chap_errc::not_binary, "CHAP binary", text, "0x… or 0b…");
    if (body.empty())
        return refuse(chap_errc::empty_binary, "CHAP binary", text, "at least one byte");
    auto bytes = form[1] == 'x' || form[1] == 'X' ? read_hexadecimal(body) : read_base64(body);
    if (bytes.has_value() && bytes->size() > longest_chap_binary)
        return refuse(chap_errc::binary_too_long, "CHAP binary", text, "at most 1024 bytes");
    return bytes;
}

std::string format_chap_binary(bytes_view bytes) {
    return "0x" + hex_of(bytes);
}

result<std::vector<std::byte>> chap_response(
    chap_algorithm algorithm, std::uint8_t identifier, std::string_view secret, bytes_view challenge
) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free
    );
    std::vector<std::byte> response(digest_size(algorithm));
    unsigned size = 0;
    const bool done = context &&
                      EVP_DigestInit_ex(context.get(), row_of(algorithm).digest(), nullptr) == 1 &&
                      EVP_DigestUpdate(context.get(), &identifier, 1) == 1 &&
                      EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                      EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) == 1 &&
                      EVP_DigestFinal_ex(
                          context.get(), reinterpret_cast<unsigned char*>(response.data()), &size
                      ) == 1;
    if (!done || size != response.size())
        return refuse(
            chap_errc::digest_unavailable, "CHAP_A", name_of(algorithm), "a digest of libcrypto"
        );
    return response;
}

// The length is no secret: it follows from the algorithm.
bool equal_in_constant_time(bytes_view a, bytes_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

chap_credentials::~chap_credentials() {
    wipe(secret);
}

void wipe(std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

void wipe(std::vector<std::byte>& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

} // namespace iscsi
