#include "iscsid/isid_seed.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace {

using iscsid::isid_seed;

const std::string a_machine = "0123456789abcdef0123456789abcdef";

struct isid_seeds : testing::Test {
    isid_seeds() {
        std::string name = testing::TempDir() + "isid-seed.XXXXXX";
        folder = ::mkdtemp(name.data());
    }

    ~isid_seeds() override { std::filesystem::remove_all(folder); }

    static void put(const std::filesystem::path& file, const std::string& text) {
        std::ofstream(file) << text;
    }

    std::string text_of(const std::string& name) const {
        std::ifstream file(folder / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string seed() const { return isid_seed(folder / "db", folder / "machine-id"); }

    std::filesystem::path folder;
};

TEST_F(isid_seeds, are_made_once_for_a_database) {
    const auto first = seed();
    EXPECT_EQ(first.size(), 32U);
    EXPECT_EQ(text_of("db/.isid-seed"), first + "\n");
    EXPECT_EQ(seed(), first);
    EXPECT_NE(isid_seed(folder / "other", folder / "machine-id"), first);
}

// Copies of a whole machine have one database, and IDs of their own.
TEST_F(isid_seeds, differ_by_machine) {
    put(folder / "machine-id", a_machine + "\n");
    const auto here = seed();
    EXPECT_EQ(here.substr(32), a_machine);
    put(folder / "machine-id", "f" + a_machine.substr(1) + "\n");
    EXPECT_NE(seed(), here);
    EXPECT_EQ(seed().substr(0, 32), here.substr(0, 32));
    for (const char* text : {"uninitialized\n", "", "0123\n"}) {
        put(folder / "machine-id", text);
        EXPECT_EQ(seed(), here.substr(0, 32)) << text;
    }
}

// Targets know these sessions already.
TEST_F(isid_seeds, are_not_given_to_databases_of_a_time_without) {
    put(folder / "machine-id", a_machine + "\n");
    std::filesystem::create_directories(folder / "db/nodes/iqn.2026-01.org.example:disk");
    EXPECT_EQ(seed(), "");
    EXPECT_FALSE(std::filesystem::exists(folder / "db/.isid-seed"));
}

TEST_F(isid_seeds, are_looked_at_without_making_one) {
    EXPECT_FALSE(iscsid::fault_of_isid_seed(folder / "db"));
    EXPECT_FALSE(std::filesystem::exists(folder / "db"));
    seed();
    EXPECT_FALSE(iscsid::fault_of_isid_seed(folder / "db"));
}

TEST_F(isid_seeds, stay_when_records_come) {
    const auto before = seed();
    std::filesystem::create_directories(folder / "db/nodes/iqn.2026-01.org.example:disk");
    EXPECT_EQ(seed(), before);
}

TEST_F(isid_seeds, that_cannot_be_read_or_kept_are_none) {
    put(folder / "machine-id", a_machine + "\n");
    std::filesystem::create_directory(folder / "db");
    put(folder / "db/.isid-seed", "not a seed\n");
    EXPECT_EQ(seed(), "");
    EXPECT_EQ(text_of("db/.isid-seed"), "not a seed\n");
    EXPECT_NE(
        iscsid::fault_of_isid_seed(folder / "db").value_or("").find("32 hexadecimal digits"),
        std::string::npos
    );
    put(folder / "file", "");
    EXPECT_EQ(isid_seed(folder / "file", folder / "machine-id"), "");
}

} // namespace
