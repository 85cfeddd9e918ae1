#include "libiscsi/admin/setting.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace iscsi::admin {
namespace {

const setting& row(std::string_view name) {
    const auto* const found = find_setting(name);
    EXPECT_NE(found, nullptr) << name;
    return *found;
}

boost::system::error_code check(std::string_view name, std::string_view value) {
    const auto checked = check_value(row(name), value);
    return checked ? boost::system::error_code() : checked.error().code;
}

constexpr auto replacement_timeout = "node.session.timeo.replacement_timeout";
constexpr auto first_burst = "node.session.iscsi.FirstBurstLength";
constexpr auto chap_algorithms = "node.session.auth.chap_algs";

TEST(setting_table, takes_its_own_fallbacks) {
    for (const auto& row : settings()) {
        const auto checked = check_value(row, row.fallback);
        EXPECT_TRUE(checked) << row.name << ": " << checked.error().text();
        EXPECT_EQ(canonical_value(row, row.fallback), row.fallback) << row.name;
    }
}

TEST(setting_table, says_what_every_row_means) {
    for (const auto& row : settings()) {
        EXPECT_FALSE(row.meaning.empty()) << row.name;
        EXPECT_EQ(row.meaning.back(), '.') << row.name;
    }
}

TEST(setting_table, names_every_key_once_but_the_one_of_two_records) {
    std::map<std::string_view, int> seen;
    for (const auto& row : settings())
        ++seen[row.name];
    for (const auto& [name, count] : seen)
        EXPECT_EQ(count, name == chap_algorithms ? 2 : 1) << name;
}

TEST(setting_table, masks_the_secrets_and_nothing_else) {
    for (const auto& row : settings()) {
        const bool secret = row.name.ends_with(".password") || row.name.ends_with(".password_in");
        EXPECT_EQ(row.masked, secret) << row.name;
    }
}

TEST(find_setting, knows_the_alias_of_the_transport) {
    EXPECT_EQ(find_setting("node.transport_name"), find_setting("iface.transport_name"));
}

TEST(find_setting, knows_no_other_names) {
    EXPECT_EQ(find_setting(""), nullptr);
    EXPECT_EQ(find_setting("node.cnx[0].address"), nullptr);
    EXPECT_EQ(find_setting("NODE.NAME"), nullptr);
}

TEST(check_value, holds_integers_to_their_range) {
    EXPECT_FALSE(check(first_burst, "512"));
    EXPECT_FALSE(check(first_burst, "16777215"));
    EXPECT_EQ(check(first_burst, "511"), to_error_code(setting_errc::out_of_range));
    EXPECT_EQ(check(first_burst, "16777216"), to_error_code(setting_errc::out_of_range));
    EXPECT_FALSE(check(replacement_timeout, "-1"));
    EXPECT_EQ(check("node.tpgt", "65536"), to_error_code(setting_errc::out_of_range));
    EXPECT_EQ(check("node.tpgt", "-2"), to_error_code(setting_errc::out_of_range));
}

TEST(check_value, refuses_what_is_no_integer) {
    for (const auto* const value : {"", "abc", "1x", "+1", "0x10", "1.5", "99999999999999999999"})
        EXPECT_EQ(check(replacement_timeout, value), to_error_code(setting_errc::not_an_integer))
            << value;
}

TEST(check_value, is_exact_about_words) {
    EXPECT_FALSE(check("node.startup", "onboot"));
    EXPECT_FALSE(check("node.leading_login", "Yes"));
    EXPECT_FALSE(check("node.conn[0].iscsi.HeaderDigest", "CRC32C,None"));
    for (const auto* const value : {"", "yes", "YES", "Yes|No", "true"})
        EXPECT_EQ(check("node.leading_login", value), to_error_code(setting_errc::not_a_choice));
    EXPECT_EQ(
        check("node.conn[0].iscsi.HeaderDigest", "CRC32C, None"),
        to_error_code(setting_errc::not_a_choice)
    );
}

TEST(check_value, takes_each_word_of_a_list_once) {
    EXPECT_FALSE(check(chap_algorithms, "SHA3-256,SHA256,SHA1,MD5"));
    for (const auto* const value : {"", "MD5,", ",MD5", "MD5,MD5", "MD5,md5", "MD5 SHA1"})
        EXPECT_EQ(check(chap_algorithms, value), to_error_code(setting_errc::not_a_choice))
            << value;
}

TEST(check_value, refuses_text_that_a_file_would_change) {
    constexpr auto name = "node.session.auth.username";
    EXPECT_FALSE(check(name, "two words"));
    EXPECT_FALSE(check(name, "näme"));
    EXPECT_FALSE(check(name, std::string(255, 'x')));
    EXPECT_EQ(check(name, std::string(256, 'x')), to_error_code(setting_errc::too_long));
    EXPECT_EQ(check(name, " x"), to_error_code(setting_errc::outer_blank));
    EXPECT_EQ(check(name, "x "), to_error_code(setting_errc::outer_blank));
    EXPECT_EQ(
        check(name, "x\nnode.startup = automatic"), to_error_code(setting_errc::control_character)
    );
    EXPECT_EQ(
        check(name, std::string_view("x\0y", 3)), to_error_code(setting_errc::control_character)
    );
}

TEST(check_value, says_what_was_expected) {
    const auto refused = check_value(row(first_burst), "100");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, first_burst);
    EXPECT_EQ(refused.error().got, "100");
    EXPECT_EQ(refused.error().expected, "512..16777215 bytes");
    EXPECT_EQ(check_value(row("node.session.scan"), "x").error().expected, "auto manual");
}

TEST(check_value, never_tells_a_secret) {
    const auto secret = std::string(256, 's');
    const auto refused = check_value(row("node.session.auth.password"), secret);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text().find("sss"), std::string::npos);
}

TEST(canonical_value, writes_integers_in_one_way) {
    EXPECT_EQ(canonical_value(row(replacement_timeout), "007"), "7");
    EXPECT_EQ(canonical_value(row(replacement_timeout), "-0"), "0");
    EXPECT_EQ(canonical_value(row("node.name"), "007"), "007");
}

TEST(setting_errc, has_words_for_every_error) {
    for (int code = 1; code <= static_cast<int>(setting_errc::outer_blank); ++code)
        EXPECT_NE(message_of(static_cast<setting_errc>(code)), "unknown error") << code;
}

} // namespace
} // namespace iscsi::admin
