#include "libiscsi/core/login/chap.hpp"

#include <gtest/gtest.h>

#include <string>

namespace iscsi {
namespace {

bytes_view as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string hex_of(const std::vector<std::byte>& bytes) {
    return format_chap_binary(bytes);
}

TEST(chap, names_are_those_of_chap_algs) {
    EXPECT_EQ(chap_algorithm_named("MD5"), chap_algorithm::md5);
    EXPECT_EQ(chap_algorithm_named("SHA3-256"), chap_algorithm::sha3_256);
    EXPECT_EQ(chap_algorithm_named("md5"), std::nullopt);
    EXPECT_EQ(name_of(chap_algorithm::sha256), "SHA256");
}

// The expected digests are those of md5sum, sha1sum, sha256sum and openssl over "\x01secret" +
// "abc".
TEST(chap, response_is_the_digest_of_identifier_secret_and_challenge) {
    const auto response = [](chap_algorithm algorithm) {
        return hex_of(chap_response(algorithm, 1, "secret", as_bytes("abc")).value());
    };
    EXPECT_EQ(response(chap_algorithm::md5), "0xea64469e3d699ce7884d07b0e6b1edb3");
    EXPECT_EQ(response(chap_algorithm::sha1), "0xf5aff58186ca98770cf091113391442c13a507a3");
    EXPECT_EQ(
        response(chap_algorithm::sha256),
        "0xccd2923a5413ae378c765cddb3955e8add47b52acc1752601aba01d29ca4d359"
    );
    EXPECT_EQ(
        response(chap_algorithm::sha3_256),
        "0xbc1288db6cf40be41bfceb787a9e3889f2a82a3d0800b31b930773afdbd55e53"
    );
}

TEST(chap, digest_sizes_are_those_of_the_responses) {
    for (const auto algorithm :
         {chap_algorithm::md5,
          chap_algorithm::sha1,
          chap_algorithm::sha256,
          chap_algorithm::sha3_256})
        EXPECT_EQ(
            chap_response(algorithm, 0, "s", as_bytes("c")).value().size(), digest_size(algorithm)
        );
}

TEST(chap, reads_hexadecimal) {
    EXPECT_EQ(hex_of(read_chap_binary("0x00fF10").value()), "0x00ff10");
    EXPECT_EQ(hex_of(read_chap_binary("0Xabc").value()), "0x0abc"); // odd number of digits
    EXPECT_EQ(hex_of(read_chap_binary("0x09afAF").value()), "0x09afaf");
    for (const char* text : {"0x/0", "0x:0", "0x@0", "0xG0", "0x`0", "0xg0"}) // beside the digits
        EXPECT_TRUE(read_chap_binary(text).has_error()) << text;
    EXPECT_EQ(read_chap_binary("0x" + std::string(2048, '1')).value().size(), 1024U);
}

TEST(chap, reads_base64) {
    EXPECT_EQ(hex_of(read_chap_binary("0bAQID").value()), "0x010203");
    EXPECT_EQ(hex_of(read_chap_binary("0bAQI=").value()), "0x0102");
    EXPECT_EQ(hex_of(read_chap_binary("0BAQ==").value()), "0x01");
}

TEST(chap, refuses_what_is_not_binary) {
    for (const char* text :
         {"",
          "0",
          "0x",
          "0b",
          "123",
          "0xzz",
          "0x1g",
          "0bA",
          "0bAQI",
          "0b!!!!",
          "0b====",
          "0bA===",
          "0bA=QI",
          "x00"})
        EXPECT_TRUE(read_chap_binary(text).has_error()) << text;
    EXPECT_EQ(
        read_chap_binary("0x" + std::string(2050, '1')).error().code,
        to_error_code(chap_errc::binary_too_long)
    );
    EXPECT_TRUE(read_chap_binary("0b" + std::string(1376, 'A')).has_error()); // 1032 bytes
}

TEST(chap, reads_numbers_in_range) {
    EXPECT_EQ(read_chap_number("255", 255).value(), 255U);
    EXPECT_EQ(read_chap_number("0x1f", 255).value(), 31U);
    for (const char* text : {"", "256", "-1", "1 ", "0x", "0x100", "99999999999", "five"})
        EXPECT_TRUE(read_chap_number(text, 255).has_error()) << text;
}

TEST(chap, compares_whole_values) {
    EXPECT_TRUE(equal_in_constant_time(as_bytes("same"), as_bytes("same")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("same"), as_bytes("sane")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("same"), as_bytes("sam")));
}

TEST(chap, wipes_secrets) {
    std::string secret = "secret";
    const char* place = secret.data(); // short strings live inside the object
    wipe(secret);
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(place[1], '\0');
}

} // namespace
} // namespace iscsi
