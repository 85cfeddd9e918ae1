#include "tests/unit/iscsid/device/registry_fixture.hpp"

#include <sys/stat.h>

namespace {

using namespace iscsid::device;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(registries, refuse_every_truncation) {
    save(full_state());
    const auto whole = text();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        put(whole.substr(0, length));
        const auto why = only_fault();
        EXPECT_EQ(why.code, iscsi::to_error_code(registry_errc::malformed)) << length;
        EXPECT_EQ(why.field, folder / name);
    }
}

TEST_F(registries, survive_every_damaged_byte) {
    save(full_state());
    const auto whole = text();
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const char bad : {'\0', '"', '9', '{', '\xff'}) {
            auto damaged = whole;
            damaged[at] = bad;
            put(damaged);
            const auto all = disks().load();
            EXPECT_EQ(all.disks.size() + all.bad.size(), 1U) << at;
        }
}

TEST_F(registries, load_the_good_beside_the_bad) {
    save(full_state());
    put("", "1-lun-0.json");
    put("[]", "2-lun-0.json");
    const auto all = disks().load();
    EXPECT_THAT(all.disks, SizeIs(1));
    ASSERT_THAT(all.bad, SizeIs(2));
    EXPECT_THAT(all.bad[0].field, EndsWith("1-lun-0.json"));
    EXPECT_THAT(all.bad[1].field, EndsWith("2-lun-0.json"));
}

TEST_F(registries, refuse_what_is_not_one_object) {
    save(full_state());
    const auto whole = text();
    for (const auto& content :
         {whole + whole,
          whole + "x",
          "[" + whole + "]",
          std::string(60000, '['),
          std::string("1")}) {
        put(content);
        EXPECT_EQ(only_fault().code, iscsi::to_error_code(registry_errc::malformed));
    }
}

TEST_F(registries, refuse_a_file_that_is_too_large) {
    save(full_state());
    const auto whole = text();
    put(whole + std::string(registry::longest_state - whole.size(), ' '));
    EXPECT_THAT(disks().load().disks, SizeIs(1));
    put(whole + std::string(registry::longest_state - whole.size() + 1, ' '));
    EXPECT_EQ(only_fault().code, iscsi::to_error_code(registry_errc::too_large));
    fs::resize_file(folder / name, 1ULL << 40U);
    EXPECT_EQ(only_fault().code, iscsi::to_error_code(registry_errc::too_large));
}

TEST_F(registries, refuse_what_is_no_file) {
    const auto refused = [this] {
        EXPECT_EQ(only_fault().code, iscsi::to_error_code(registry_errc::read_failed));
        fs::remove_all(folder / name);
    };
    fs::create_directories(folder / name);
    refused();
    ASSERT_EQ(::mkfifo((folder / name).c_str(), 0600), 0);
    refused();
    fs::create_symlink("/dev/zero", folder / name);
    refused();
}

TEST_F(registries, refuse_a_state_under_another_name) {
    save(full_state());
    for (const char* other : {"8-lun-16640.json", "07-lun-16640.json", "7-lun-1.json", "notes"}) {
        put(text(), other);
        const auto all = disks().load();
        EXPECT_THAT(all.disks, SizeIs(1));
        ASSERT_THAT(all.bad, SizeIs(1));
        EXPECT_EQ(all.bad[0].code, iscsi::to_error_code(registry_errc::misplaced));
        EXPECT_EQ(all.bad[0].expected, name);
        fs::remove(folder / other);
    }
}

TEST_F(registries, ignore_members_that_they_do_not_know) {
    put_with("{\"version\":1", "{\"later\":{\"deep\":[[1]]},\"version\":1");
    EXPECT_THAT(disks().load().disks, SizeIs(1));
}

TEST_F(registries, name_each_member_that_is_missing) {
    save(full_state());
    const auto whole = text();
    std::size_t seen = 0;
    for (auto at = whole.find("\":"); at != std::string::npos; at = whole.find("\":", at + 1)) {
        const auto start = whole.rfind('"', at - 1) + 1;
        const auto member = whole.substr(start, at - start);
        if (member == "peer_address" || member == "nonce") // may be missing
            continue;
        auto without = whole;
        put(without.insert(at, "_"));
        const auto why = only_fault();
        EXPECT_EQ(why.code, iscsi::to_error_code(registry_errc::missing_member));
        EXPECT_THAT(why.field, EndsWith(member));
        ++seen;
    }
    EXPECT_EQ(seen, 13U + 27U + 1U); // of disk_state, of logical_unit, the version
}

TEST_F(registries, name_each_member_of_a_wrong_type) {
    save(full_state());
    const auto whole = text();
    for (auto at = whole.find("\":"); at != std::string::npos; at = whole.find("\":", at + 1)) {
        auto wrong = whole;
        put(wrong.insert(at + 2, "[],\"_\":"));
        const auto why = only_fault();
        const auto start = whole.rfind('"', at - 1) + 1;
        EXPECT_EQ(why.code, iscsi::to_error_code(registry_errc::wrong_type));
        EXPECT_THAT(why.field, EndsWith(whole.substr(start, at - start)));
        EXPECT_EQ(why.got, "[]");
        EXPECT_NE(why.expected, "");
    }
}

struct bad_member {
    const char* part;
    const char* instead;
    registry_errc why;
    const char* field;
    const char* got;
    const char* expected;
};

constexpr bad_member bad_members[] = {
    {"\"version\":1", "\"version\":2", registry_errc::unknown_version, "version", "2", "1"},
    {"\"version\":1", "\"version\":0", registry_errc::unknown_version, "version", "0", "1"},
    {"\"version\":1", "\"version\":1.0", registry_errc::wrong_type, "version", "1E0", ""},
    {"\"sid\":7", "\"sid\":0", registry_errc::out_of_range, "sid", "0", "1..4294967295"},
    {"\"sid\":7", "\"sid\":-7", registry_errc::out_of_range, "sid", "-7", "1..4294967295"},
    {"\"sid\":7", "\"sid\":4294967296", registry_errc::out_of_range, "sid", "4294967296", ""},
    {"\"sid\":7", "\"sid\":\"7\"", registry_errc::wrong_type, "sid", "\"7\"", ""},
    {"\"sid\":7", "\"sid\":7.5", registry_errc::wrong_type, "sid", "7.5E0", ""},
    {"\"sid\":7", "\"sid\":null", registry_errc::wrong_type, "sid", "null", ""},
    {"\"sid\":7", "\"sid\":8", registry_errc::misplaced, "json", "", "8-lun-16640.json"},
    {"\"index\":3", "\"index\":65536", registry_errc::out_of_range, "index", "65536", "0..65535"},
    {":3261", ":0", registry_errc::out_of_range, "portal_port", "0", "1..65535"},
    {":3261", ":65536", registry_errc::out_of_range, "portal_port", "65536", "1..65535"},
    {"_tag\":17", "_tag\":-2", registry_errc::out_of_range, "tag", "-2", "-1..65535"},
    {"_tag\":17", "_tag\":65536", registry_errc::out_of_range, "tag", "65536", "-1..65535"},
    {"\"iqn.2024-01.org.example:disk.1\"", "\"\"", registry_errc::bad_text, "target", "\"\"", ""},
    {"\"iqn.2024", "\"../iqn.2024", registry_errc::bad_text, "target", "", ""},
    {"\"iqn.2024", "\"iqn\\n2024", registry_errc::bad_text, "target", "", ""},
    {"2001:db8::1", "2001 db8", registry_errc::bad_text, "address", "\"2001 db8\"", ""},
    {"iface0", "if\\u0000", registry_errc::bad_text, "interface", "\"if\\u0000\"", ""},
    {"80a1b2c3d4E5", "80a1b2c3d4E", registry_errc::bad_text, "isid", "", "12 hexadecimal digits"},
    {"80a1b2c3d4E5", "80a1b2c3d4E5f", registry_errc::bad_text, "isid", "", ""},
    {"80a1b2c3d4E5", "80a1b2c3d4Eg", registry_errc::bad_text, "isid", "", ""},
    {"\"ublk\"", "\"\"", registry_errc::bad_text, "driver", "\"\"", ""},
    {"ublkb0", "../sda", registry_errc::bad_text, "node", "\"../sda\"", ""},
    {":16640", ":-1", registry_errc::out_of_range, "lun_number", "-1", "0..18446744073709551615"},
    {":16640", ":18446744073709551616", registry_errc::wrong_type, "lun_number", "", ""},
    {":16640", ":16641", registry_errc::misplaced, "lun", "", "4101000000000000 for LUN 16641"},
    {"\"4100", "\"4101", registry_errc::misplaced, "lun", "\"4101000000000000\"", ""},
    {"\"4100", "\"410", registry_errc::bad_text, "lun", "", "16 hexadecimal digits"},
    {"\"properties\":",
     "\"properties\":1,\"x\":",
     registry_errc::wrong_type,
     "properties",
     "1",
     ""},
    {":78187493520", ":0", registry_errc::out_of_range, "properties.block_count", "0", ""},
    {":78187493520", ":4503599627370496", registry_errc::out_of_range, "block_count", "", ""},
    {":4096,", ":0,", registry_errc::out_of_range, "properties.block_size", "0", "512..4096"},
    {":4096,", ":8192,", registry_errc::out_of_range, "block_size", "8192", "512..4096"},
    {":4096,", ":520,", registry_errc::out_of_range, "block_size", "520", "a power of two"},
    {":16384", ":511", registry_errc::out_of_range, "physical_block_size", "511", ""},
    {":4294967295", ":4294967296", registry_errc::out_of_range, "max_unmap_blocks", "", ""},
    {"_only\":true", "_only\":1", registry_errc::wrong_type, "only", "1", "true or false"},
};

TEST_F(registries, say_what_is_wrong_where) {
    for (const auto& row : bad_members) {
        put_with(row.part, row.instead);
        const auto why = only_fault();
        EXPECT_EQ(why.code, iscsi::to_error_code(row.why)) << row.instead << ": " << why.text();
        EXPECT_THAT(why.field, HasSubstr(name));
        EXPECT_THAT(why.field, EndsWith(row.field));
        EXPECT_THAT(why.got, HasSubstr(row.got));
        EXPECT_THAT(why.expected, HasSubstr(row.expected));
    }
}

TEST_F(registries, refuse_words_of_a_disk_that_are_too_long) {
    put_with("MAKER", std::string(1025, 'x'));
    const auto why = only_fault();
    EXPECT_EQ(why.code, iscsi::to_error_code(registry_errc::bad_text));
    EXPECT_THAT(why.field, EndsWith("properties.vendor"));
    EXPECT_THAT(why.got, SizeIs(80));
}

} // namespace
