#include "libiscsi/base/crc32c.hpp"
