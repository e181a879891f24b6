"""Quality of endcap's generator beside the seed's DCGAN, trained for equally long."""
