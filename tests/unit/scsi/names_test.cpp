#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/parameter_data.hpp"
#include "libiscsi/scsi/status.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace scsi {
namespace {

// Names of all values of a byte; those that have none share one.
template <class Enum>
std::multiset<std::string> names_of_all() {
    std::multiset<std::string> names;
    for (unsigned value = 0; value < 256; ++value)
        names.emplace(name_of(static_cast<Enum>(value)));
    return names;
}

TEST(status, has_the_names_of_the_standard) {
    const auto names = names_of_all<status>();
    EXPECT_EQ(names.count("unknown status"), 256U - 11U);
    for (const auto* name :
         {"GOOD",
          "CHECK CONDITION",
          "CONDITION MET",
          "BUSY",
          "INTERMEDIATE",
          "INTERMEDIATE-CONDITION MET",
          "RESERVATION CONFLICT",
          "COMMAND TERMINATED",
          "TASK SET FULL",
          "ACA ACTIVE",
          "TASK ABORTED"})
        EXPECT_EQ(names.count(name), 1U) << name;
}

TEST(operation_code, has_names_that_differ) {
    const auto names = names_of_all<operation_code>();
    const auto unknown = std::string(name_of(static_cast<operation_code>(0xff)));
    EXPECT_GT(256 - names.count(unknown), 10U);
    for (const auto& name : names)
        EXPECT_TRUE(name == unknown || names.count(name) == 1) << name;
    EXPECT_EQ(name_of(static_cast<operation_code>(0x2a)), "WRITE(10)");
}

} // namespace
} // namespace scsi
