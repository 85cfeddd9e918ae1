#include "tests/unit/scsi/bytes_of.hpp"

#include "libiscsi/scsi/sense.hpp"

#include <gtest/gtest.h>

namespace scsi {
namespace {

using test::bytes_of;

// CHECK CONDITION of a read past a bad block, VALID set, block 0x00012345.
const auto fixed =
    bytes_of({0xf0, 0, 0x03, 0, 1, 0x23, 0x45, 10, 0, 0, 0, 0, 0x11, 0x04, 0, 0, 0, 0});

const auto descriptor = bytes_of({0x72, 0x03, 0x11, 0x04, 0, 0, 0, 12}) +
                        bytes_of({0x00, 10, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8});

TEST(sense, reads_fixed_format) {
    const auto sense = read_sense(fixed);
    ASSERT_TRUE(sense);
    EXPECT_EQ(sense->key, sense_key::medium_error);
    EXPECT_EQ(sense->additional_code, 0x11);
    EXPECT_EQ(sense->additional_code_qualifier, 0x04);
    EXPECT_FALSE(sense->deferred);
    EXPECT_EQ(sense->information, 0x12345U);
    EXPECT_EQ(sense->text(), "MEDIUM ERROR 11/04");
}

TEST(sense, reads_descriptor_format) {
    const auto sense = read_sense(descriptor);
    ASSERT_TRUE(sense);
    EXPECT_EQ(sense->key, sense_key::medium_error);
    EXPECT_EQ(sense->additional_code, 0x11);
    EXPECT_EQ(sense->additional_code_qualifier, 0x04);
    EXPECT_EQ(sense->information, 0x0102030405060708U);
}

TEST(sense, knows_deferred_errors) {
    auto data = fixed;
    data[0] = std::byte{0x71};
    EXPECT_TRUE(read_sense(data)->deferred);
    EXPECT_EQ(read_sense(data)->text(), "deferred MEDIUM ERROR 11/04");
    EXPECT_EQ(read_sense(data)->information, std::nullopt); // VALID is not set
    data = descriptor;
    data[0] = std::byte{0x73};
    EXPECT_TRUE(read_sense(data)->deferred);
}

TEST(sense, ignores_flags_beside_the_key) {
    EXPECT_EQ(read_sense(bytes_of({0x70, 0, 0xe6}))->key, sense_key::unit_attention);
    EXPECT_EQ(read_sense(bytes_of({0x72, 0xf6}))->key, sense_key::unit_attention);
}

TEST(sense, takes_truncated_data_for_what_it_is) {
    EXPECT_EQ(read_sense({}), std::nullopt);
    EXPECT_EQ(read_sense(bytes_of({0x70})), std::nullopt);
    EXPECT_EQ(read_sense(bytes_of({0x70, 0})), std::nullopt);
    EXPECT_EQ(read_sense(bytes_of({0x72})), std::nullopt);

    const auto key_only = read_sense(bytes_of({0x70, 0, 0x05}));
    EXPECT_EQ(key_only, (sense_data{.key = sense_key::illegal_request}));
    const auto no_qualifier = read_sense(bytes_of({0x72, 0x05, 0x24}));
    EXPECT_EQ(
        no_qualifier, (sense_data{.key = sense_key::illegal_request, .additional_code = 0x24})
    );
}

TEST(sense, does_not_read_behind_the_additional_length) {
    auto data = fixed;
    data[7] = std::byte{4}; // up to byte 11: the codes are not part of it
    EXPECT_EQ(read_sense(data)->additional_code, 0);

    auto lying = descriptor;
    lying[7] = std::byte{0xff};
    EXPECT_EQ(read_sense(lying)->information, 0x0102030405060708U);
    lying[7] = std::byte{11};
    EXPECT_EQ(read_sense(lying)->information, std::nullopt);
}

TEST(sense, finds_the_information_behind_other_descriptors) {
    const auto data = bytes_of({0x72, 0x06, 0x2a, 0x09, 0, 0, 0, 20}) +
                      bytes_of({0x02, 6, 0, 0, 0, 0, 0, 0}) +
                      bytes_of({0x00, 10, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 9});
    EXPECT_EQ(read_sense(data)->information, 9U);
}

TEST(sense, walks_empty_and_short_descriptors) {
    const auto data = bytes_of({0x72, 0x03, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 0xff, 0});
    EXPECT_EQ(read_sense(data)->information, std::nullopt);
}

TEST(sense, an_information_descriptor_has_to_be_whole) {
    const auto data = bytes_of({0x72, 0x03, 0x11, 0x00, 0, 0, 0, 14}) +
                      bytes_of({0x00, 4, 0x80, 0, 1, 2}) + bytes_of({0x02, 6, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(read_sense(data)->information, std::nullopt);
}

TEST(sense, refuses_unknown_formats) {
    EXPECT_EQ(read_sense(bytes_of({0x7f, 0, 5, 0, 0, 0, 0, 10})), std::nullopt);
    EXPECT_EQ(read_sense(test::zeros(18)), std::nullopt);
}

TEST(sense, survives_every_truncation) {
    const auto read = [](const test::bytes& data) { return read_sense(data); };
    test::read_every_beginning(fixed, read);
    test::read_every_beginning(descriptor, read);
}

TEST(sense, names_every_key) {
    EXPECT_EQ(name_of(sense_key::no_sense), "NO SENSE");
    EXPECT_EQ(name_of(sense_key::unit_attention), "UNIT ATTENTION");
    EXPECT_EQ(name_of(sense_key::completed), "COMPLETED");
}

} // namespace
} // namespace scsi
