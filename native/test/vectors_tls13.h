// RFC 8448, 3 (simple 1-RTT handshake): traffic secrets, the write keys that it prints for them, and the records that
// it sends under them, byte for byte. What RFC 8448 has no trace for (AES-256-GCM, ChaCha20-Poly1305) was captured on a
// loopback connection between two OpenSSLs (3.0.19, throw-away keys).
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernel/kernel_tls.h"

namespace ktls::test {

struct Tls13Direction {
  const char* name;
  Cipher cipher;
  const char* digest;
  const char* traffic_secret;
  const char* key;  // null where it is not published; then the records prove it
  const char* iv;
  uint64_t first_sequence;
  size_t record_count;
  const char* records[3];
};

constexpr Tls13Direction kTls13Directions[] = {
    {"RFC 8448, client_handshake_traffic_secret",
     Cipher::kAes128Gcm,
     "SHA256",
     "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
     "dbfaa693d1762c5b666af5d950258d01",
     "5bd3c71b836e0b76bb73265f",
     0,
     1,
     {"170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd1c"
      "aeacab6867d726c40546"}},
    {"RFC 8448, server_application_traffic_secret_0",
     Cipher::kAes128Gcm,
     "SHA256",
     "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
     "9f02283b6c9c07efc26bb9f2ac92e356",
     "cf782b88dd83549aadf1e984",
     0,
     3,
     {"17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a"
      "015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e0"
      "9c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77"
      "f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74"
      "bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f",
      "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8"
      "fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
      "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"}},
    {"RFC 8448, client_application_traffic_secret_0",
     Cipher::kAes128Gcm,
     "SHA256",
     "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
     "17422dda596ed5d9acd890e3c63f5051",
     "5b78923dee08579033e523d9",
     0,
     2,
     {"1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
      "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
      "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3"}},
    {"TLS_AES_256_GCM_SHA384, server after two tickets",
     Cipher::kAes256Gcm,
     "SHA384",
     "bed3dc621e0e488ba9f2734536fb6477b5b628593289cb3d10506ee56c18e1bb056f689b066c163c50486ecaf6fe9b53",
     nullptr,
     nullptr,
     2,
     3,
     {"17030300338e156f2ff4924940c92072339f6af9d3edfe8a64e07959fc308cb9809d1ee1c3bdc82cc0e057663a8e51a4"
      "532031a59f51bf4f",
      "1703030028a17562645cebb41873b004b8945871ab6108facc513b22d39e438a382d7224701a460165d43b30d8",
      "1703030013bb5dd5524ad378168e85d3bbc9499d45bdb1ef"}},
    {"TLS_AES_256_GCM_SHA384, client",
     Cipher::kAes256Gcm,
     "SHA384",
     "41ca702e86ad23d95b8c0ae6cd1a34ecddb360c786b3ed0613b59737c3f9cf57d2bc2120f43e9beaa2218dc601059a9a",
     nullptr,
     nullptr,
     0,
     2,
     {"17030300232e1851b0f5f5fe7c77d6b01295b3afc06f87706e96f57e9cb2fa3382299d66431bc94a",
      "17030300131f07adf432736a130874592b66abe3c71180fb"}},
    {"TLS_CHACHA20_POLY1305_SHA256, server after two tickets",
     Cipher::kChaCha20Poly1305,
     "SHA256",
     "50024624c418c1e90951dd0adf7594f64a13d18da0d52b9f349eae3b12418b3a",
     nullptr,
     nullptr,
     2,
     3,
     {"1703030033791df2dad7458b6f8900f2f30aa1691994d12e82027d9fd66bfb19ba5f8666f3afe3e92b25195f07414fb2"
      "18d0b251aae07396",
      "17030300289ecb5f63aaf76921a932487c61c6ec39d52ccea9e7236e0d35f4fb7b72124810f3433bababe6a14e",
      "170303001350e6f5c18926cbc11930e0fa34416823fb5fd8"}},
    {"TLS_CHACHA20_POLY1305_SHA256, client",
     Cipher::kChaCha20Poly1305,
     "SHA256",
     "696d32a2e1f32f0ec21beed9403e442026ca70122d00166dfc6b74d022a97beb",
     nullptr,
     nullptr,
     0,
     2,
     {"1703030023583031781794ef1a4610b764e76fc60637248d1daf3c866075235789507a7a1e6c7162",
      "1703030013ef63d76912422b9cd0a8a5e2ac000235d7ad40"}},
};

}  // namespace ktls::test
