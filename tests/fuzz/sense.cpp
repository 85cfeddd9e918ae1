// Sense data of both formats.
#include "libiscsi/scsi/sense.hpp"

#include "tests/fuzz/fuzz.hpp"

void fuzz_one(iscsi::bytes_view input) {
    if (const auto sense = scsi::read_sense(input))
        expect(!sense->text().empty(), "sense has words");
}
